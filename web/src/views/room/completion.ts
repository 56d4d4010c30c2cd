/** What is being named at the caret: a person after `@`, an emoji after `:`, a command after `/`. Pure. */

export interface Query {
  kind: "mention" | "emoji" | "command";
  from: number; // index of the sign before the name
  to: number; // the caret
  text: string; // what follows the sign
}

const QUERY_CHARS_MAX = 40;
const SIGNS = [
  { kind: "mention", pattern: /(^|[\s(["'])@([^\s@]*)$/u },
  { kind: "emoji", pattern: /(^|[^\p{L}\p{N}:/]):([\p{L}\p{N}_+-]{2,})$/u }, // not 12:30 and not https:
  { kind: "command", pattern: /(^)\/([a-z]*)$/ },
] as const;

export function queryAt(text: string, caret: number): Query | null {
  const before = text.slice(Math.max(0, caret - QUERY_CHARS_MAX), caret);
  const isWhole = caret <= QUERY_CHARS_MAX;
  for (const { kind, pattern } of SIGNS) {
    if (kind === "command" && !isWhole) continue;
    const found = pattern.exec(before);
    if (found) return { kind, from: caret - found[2]!.length - 1, to: caret, text: found[2]! };
  }
  return null;
}

/** How well a name answers: 0 not at all; the beginning of the name before that of a word before its middle. */
export function fit(name: string, query: string): number {
  const [whole, part] = [name.toLowerCase(), query.toLowerCase()];
  if (whole.startsWith(part)) return 3;
  if (whole.split(/[\s_.-]+/).some((word) => word.startsWith(part))) return 2;
  return whole.includes(part) ? 1 : 0;
}

export function best<T>(all: Iterable<T>, names: (each: T) => readonly string[], query: string, max: number): T[] {
  const fitting: { each: T; rank: number }[] = [];
  for (const each of all) {
    const rank = Math.max(0, ...names(each).map((name) => fit(name, query)));
    if (rank) fitting.push({ each, rank });
  }
  return fitting.sort((a, b) => b.rank - a.rank).slice(0, max).map(({ each }) => each);
}
