/** The timelines that are open just now: what is on the screen can be asked for. */

import type { MatrixEvent, Room } from "matrix-js-sdk";

interface Open {
  readonly room: Room;
  readonly thread?: string; // the root, of a thread's
  readonly events: readonly MatrixEvent[];
  eventOf(id: string): MatrixEvent | undefined;
}

const open = new Set<Open>();

/** From now on it is asked too. Returns how to end that. */
export function noteOpen(timeline: Open): () => void {
  open.add(timeline);
  return () => void open.delete(timeline);
}

/** An event of a room, as far as it is on the screen or among those that sync brought lately. */
export function findEvent(roomId: string, eventId: string): MatrixEvent | undefined {
  for (const timeline of open) {
    const event = timeline.room.roomId === roomId ? timeline.eventOf(eventId) : undefined;
    if (event) return event;
  }
  return undefined;
}

/** What the open timeline of a room or thread holds, oldest first. */
export function eventsOf(roomId: string, thread?: string): readonly MatrixEvent[] {
  for (const timeline of open) {
    if (timeline.room.roomId === roomId && timeline.thread === thread) return timeline.events;
  }
  return [];
}
