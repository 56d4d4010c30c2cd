/**
 * Which rooms are direct chats, and with whom: the account's `m.direct`, read and kept right.
 * Every change reads the server's copy first, one change after another, so two devices lose little of each other's.
 */

import { signal } from "@preact/signals";
import { ClientEvent, EventType, type MatrixClient } from "matrix-js-sdk";

import { matrix, onClient } from "./client";

type Rooms = Record<string, string[]>; // by user id

/** By room id, the person of the direct chat. */
export const directRooms = signal<ReadonlyMap<string, string>>(new Map());

let queue: Promise<unknown> = Promise.resolve();

onClient((client: MatrixClient) => {
  directRooms.value = byRoom(client.getAccountData(EventType.Direct)?.getContent());
  client.on(ClientEvent.AccountData, (event) => {
    if (event.getType() === EventType.Direct) directRooms.value = byRoom(event.getContent());
  });
});

export function markDirect(roomId: string, userId: string): Promise<void> {
  return change((rooms) => {
    if (rooms[userId]?.includes(roomId)) return null;
    return { ...without(rooms, roomId), [userId]: [roomId, ...(rooms[userId] ?? [])] };
  });
}

export function unmarkDirect(roomId: string): Promise<void> {
  return change((rooms) => (byRoom(rooms).has(roomId) ? without(rooms, roomId) : null));
}

export function byRoom(content: unknown): Map<string, string> {
  const found = new Map<string, string>();
  for (const [userId, rooms] of Object.entries(checked(content))) {
    for (const roomId of rooms) found.set(roomId, userId);
  }
  return found;
}

export function without(rooms: Rooms, roomId: string): Rooms {
  const kept = Object.entries(rooms).map(([userId, ids]) => [userId, ids.filter((id) => id !== roomId)] as const);
  return Object.fromEntries(kept.filter(([, ids]) => ids.length));
}

/** Any client may have written anything there. */
function checked(content: unknown): Rooms {
  if (typeof content !== "object" || content === null) return {};
  const entries = Object.entries(content).filter((entry): entry is [string, string[]] => Array.isArray(entry[1]));
  return Object.fromEntries(entries.map(([userId, ids]) => [userId, ids.filter((id) => typeof id === "string")]));
}

function change(next: (rooms: Rooms) => Rooms | null): Promise<void> {
  const step = queue.then(async () => {
    const client = matrix();
    const changed = next(checked(await client.getAccountDataFromServer(EventType.Direct)));
    if (changed) await client.setAccountDataRaw(EventType.Direct, changed);
  });
  queue = step.catch(() => undefined);
  return step;
}
