/**
 * Korean and English, side by side where they are used.
 *
 *     const w = words({ send: ["보내기", "Send"], unread: [(n: number) => `안 읽음 ${n}`, (n) => `${n} unread`] });
 *     w.send, w.unread(3)        // in the language of now; a component that reads it is drawn again on a change
 */

import { effect, signal } from "@preact/signals";

import { keepText } from "./kept";

export type Language = "ko" | "en";
type Pair = readonly [string, string] | readonly [(...args: never[]) => string, (...args: never[]) => string];

const KEPT = "bongsu.language";

export const language = signal<Language>(chosen());

effect(() => {
  document.documentElement.lang = language.value;
});

export function speak(next: Language): void {
  keepText(KEPT, next);
  language.value = next;
}

export function words<T extends Record<string, Pair>>(pairs: T): { readonly [K in keyof T]: T[K][0] } {
  const spoken = {} as { [K in keyof T]: T[K][0] };
  for (const key of Object.keys(pairs) as (keyof T)[]) {
    const pair = pairs[key]!;
    Object.defineProperty(spoken, key, { get: () => pair[language.value === "ko" ? 0 : 1] });
  }
  return spoken;
}

function chosen(): Language {
  const kept = localStorage.getItem(KEPT);
  if (kept === "ko" || kept === "en") return kept;
  return navigator.language.toLowerCase().startsWith("ko") ? "ko" : "en";
}
