/** What the composer of a room is about: an answer to a message, the edit of one, or a new one. */

import { signal } from "@preact/signals";

export interface Composing {
  replyTo?: string; // event id
  editing?: string; // event id of one's own message
}

/** The name of a composer: the room's own, or that of a thread in it. */
export function composerKey(roomId: string, thread?: string): string {
  return thread ? `${roomId} ${thread}` : roomId;
}

/** By `composerKey`. */
export const composing = signal<ReadonlyMap<string, Composing>>(new Map());

export function compose(key: string, about: Composing): void {
  composing.value = new Map(composing.value).set(key, about);
}
