/** All emoji with their names in Korean or English, loaded when first asked for; and those used last on this device. */

import type { CompactEmoji } from "emojibase";

import type { Language } from "../words";

const RECENT_MAX = 24;
const KEPT = "bongsu.emoji";
const PARTS_OF_EMOJI = 2; // the group of skin tones and hair, which are not emoji by themselves

export interface Emoji {
  sign: string;
  label: string;
  names: readonly string[]; // shortcodes, label, tags: what it is found by
  group: number;
}

export interface EmojiGroup {
  label: string;
  emoji: readonly Emoji[];
}

const loaded = new Map<Language, Promise<readonly EmojiGroup[]>>();

export function emojiGroups(language: Language): Promise<readonly EmojiGroup[]> {
  const before = loaded.get(language);
  if (before) return before;
  const loading = load(language);
  loaded.set(language, loading);
  loading.catch(() => loaded.delete(language)); // no connection: the next try may have one
  return loading;
}

export function recentEmoji(): string[] {
  return (localStorage.getItem(KEPT) ?? "").split(" ").filter(Boolean);
}

export function usedEmoji(sign: string): void {
  const recent = [sign, ...recentEmoji().filter((each) => each !== sign)].slice(0, RECENT_MAX);
  try {
    localStorage.setItem(KEPT, recent.join(" "));
  } catch {
    // nothing is kept here: then there are no recent ones
  }
}

async function load(language: Language): Promise<readonly EmojiGroup[]> {
  const [all, messages, codes] = await Promise.all([
    language === "ko" ? import("emojibase-data/ko/compact.json") : import("emojibase-data/en/compact.json"),
    language === "ko" ? import("emojibase-data/ko/messages.json") : import("emojibase-data/en/messages.json"),
    import("emojibase-data/en/shortcodes/github.json"),
  ]);
  const emoji = (all.default as CompactEmoji[])
    .filter(({ group }) => group !== undefined && group !== PARTS_OF_EMOJI)
    .sort((a, b) => (a.order ?? 0) - (b.order ?? 0))
    .map((each) => named(each, codes.default));
  return messages.default.groups
    .map(({ message, order }) => ({ label: message, emoji: emoji.filter(({ group }) => group === order) }))
    .filter((group) => group.emoji.length);
}

function named(emoji: CompactEmoji, codes: Record<string, string | string[]>): Emoji {
  const { unicode, label, tags, group, hexcode } = emoji;
  return { sign: unicode, label, group: group!, names: [codes[hexcode] ?? [], label, tags ?? []].flat() };
}
