/**
 * What was typed and not sent, by person and composer; it outlives reloads, crashes and a session ended elsewhere.
 * Written at every key, so it is kept in localStorage, which is synchronous. Only a sign-out by the person ends it.
 */

import type { Mention } from "./mentions";
import { session } from "./session";

const DRAFTS_MAX = 200; // composers; the oldest draft makes room
const PREFIX = "bongsu.draft.";

export interface KeptDraft {
  text: string;
  mentions: Mention[];
  replyTo?: string; // event id
  editing?: string; // event id
  before?: { text: string; mentions: Mention[] }; // what stood here when the edit began
  at: number; // ms since 1970
}

/** For a browser that lets nothing be stored, or not more. */
const unstored = new Map<string, KeptDraft>();

export function draftOf(composer: string): KeptDraft | null {
  const key = keyOf(composer);
  return unstored.get(key) ?? parsed(localStorage.getItem(key));
}

export function keepDraft(composer: string, draft: Omit<KeptDraft, "at">): void {
  const key = keyOf(composer);
  if (!draft.text && !draft.replyTo && !draft.editing) return dropDraft(composer);
  const kept = { ...draft, at: Date.now() };
  try {
    if (localStorage.getItem(key) === null) makeRoom();
    localStorage.setItem(key, JSON.stringify(kept));
    unstored.delete(key);
  } catch {
    unstored.set(key, kept);
  }
}

export function dropDraft(composer: string): void {
  unstored.delete(keyOf(composer));
  localStorage.removeItem(keyOf(composer));
}

/** At a sign-out by the person: nothing of what was written stays in this browser. */
export function forgetDrafts(userId: string): void {
  const own = `${PREFIX}${userId} `;
  for (const key of [...unstored.keys(), ...storedKeys()]) {
    if (!key.startsWith(own)) continue;
    unstored.delete(key);
    localStorage.removeItem(key);
  }
}

function makeRoom(): void {
  const keys = storedKeys();
  if (keys.length < DRAFTS_MAX) return;
  const ages = keys.map((key) => ({ key, at: parsed(localStorage.getItem(key))?.at ?? 0 }));
  ages.sort((a, b) => a.at - b.at);
  for (const { key } of ages.slice(0, keys.length - DRAFTS_MAX + 1)) localStorage.removeItem(key);
}

function keyOf(composer: string): string {
  return `${PREFIX}${session.peek()?.userId ?? ""} ${composer}`;
}

function storedKeys(): string[] {
  return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
}

function parsed(text: string | null): KeptDraft | null {
  if (text === null) return null;
  try {
    const kept = JSON.parse(text) as Partial<KeptDraft>;
    if (typeof kept.text !== "string") return null;
    return { ...kept, text: kept.text, mentions: kept.mentions ?? [], at: kept.at ?? 0 };
  } catch {
    return null;
  }
}
