/** Text in which what was looked for is marked; `around` shows the part of a long text that holds it. */

const SHOWN_CHARACTERS = 120;
const BEFORE_CHARACTERS = 30;
const MARKS_MAX = 20;

export function Highlighted({ text, terms, around }: { text: string; terms: string[]; around?: boolean }) {
  const shown = around ? excerpt(text, terms) : text;
  return <>{pieces(shown, terms).map(([piece, isMarked]) => (isMarked ? <mark>{piece}</mark> : piece))}</>;
}

/** The text in order, each piece with whether it is one of the terms, in any case. */
export function pieces(text: string, terms: string[]): [string, boolean][] {
  const wanted = terms.filter(Boolean).map((term) => term.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  if (!wanted.length) return [[text, false]];
  const parts = text.split(new RegExp(`(${wanted.sort((a, b) => b.length - a.length).join("|")})`, "iu"), MARKS_MAX * 2);
  const rest = text.slice(parts.join("").length);
  const found = parts.map((part, at): [string, boolean] => [part, at % 2 === 1]);
  return [...found, [rest, false] as [string, boolean]].filter(([piece]) => piece);
}

export function excerpt(text: string, terms: string[]): string {
  const line = text.replace(/\s+/g, " ");
  const folded = line.toLowerCase();
  const places = terms.map((term) => folded.indexOf(term.toLowerCase())).filter((at) => at >= 0);
  const start = Math.max(0, Math.min(...places, line.length) - BEFORE_CHARACTERS);
  const from = places.length ? start : 0;
  const cut = line.slice(from, from + SHOWN_CHARACTERS);
  return `${from > 0 ? "…" : ""}${cut}${from + SHOWN_CHARACTERS < line.length ? "…" : ""}`;
}
