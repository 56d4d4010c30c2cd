/** What the composer of a room is about: an answer to a message, the edit of one, or a new one. */

import { signal } from "@preact/signals";

export interface Composing {
  replyTo?: string; // event id
  editing?: string; // event id of one's own message
}

/** By room id, or by `roomId thread` for the composer of a thread. */
export const composing = signal<ReadonlyMap<string, Composing>>(new Map());

export function compose(key: string, about: Composing): void {
  composing.value = new Map(composing.value).set(key, about);
}
