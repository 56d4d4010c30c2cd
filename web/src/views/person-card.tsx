/** A person's card, over the page; `showPerson` opens it, from anywhere. */

import { signal } from "@preact/signals";

interface Shown {
  userId: string;
  roomId?: string; // where the person was met: what one may do there is offered too
}

const shown = signal<Shown | null>(null);

export function showPerson(userId: string, roomId?: string): void {
  shown.value = { userId, roomId };
}

export function PersonCard() {
  return null;
}
