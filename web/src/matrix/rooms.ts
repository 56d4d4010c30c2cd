/**
 * The rooms of the signed-in person as plain rows, newest first.
 *
 * Only the rows of rooms that something happened to are made anew, at most once a frame; a row that says the same as
 * before stays the same object, so 2,000 rooms cost what the changed ones cost.
 */

import { computed, effect, signal } from "@preact/signals";
import { ClientEvent, type MatrixClient, MatrixEventEvent, type Room, RoomEvent, RoomStateEvent } from "matrix-js-sdk";

import { language } from "../words";
import { matrix, onClient, ready } from "./client";
import { directRooms } from "./direct";
import { loudness } from "./mute";
import "./room-name";
import { isListed, type RoomRow, rowOf, sameRow } from "./room-row";

export type { RoomRow } from "./room-row";

const HIDDEN_PAGE_MS = 250; // a page out of sight has no frames

const kept = new Map<string, RoomRow>();
const touched = new Set<string>();
const version = signal(0); // goes up when any row changed
let asked = false;

/** Invitations first, then what is pinned, then by time. */
export const rooms = computed<readonly RoomRow[]>(() => {
  version.value;
  return ready.value ? [...kept.values()].sort(byRankThenTime) : [];
});

export const rowsById = computed<ReadonlyMap<string, RoomRow>>(() => {
  version.value;
  return new Map(ready.value ? kept : []);
});

/** What asks for attention: for the page's title and icon. */
export const attention = computed(() => {
  let unread = 0;
  let highlights = 0;
  for (const row of rooms.value) {
    unread += row.invited ? 1 : row.unread || Number(row.markedUnread);
    highlights += row.highlights;
  }
  return { unread, highlights };
});

/** The room may look different now. */
export function touch(roomId: string): void {
  touched.add(roomId);
  if (asked) return;
  asked = true;
  if (document.hidden) setTimeout(refresh, HIDDEN_PAGE_MS);
  else requestAnimationFrame(refresh);
}

function touchAll(): void {
  if (!ready.peek()) return;
  for (const room of matrix().getRooms()) touch(room.roomId);
}

function refresh(): void {
  asked = false;
  if (!ready.peek()) return; // looked at again when the client is ready
  let differs = false;
  const client = matrix();
  for (const roomId of touched) differs = refreshRow(client, roomId) || differs;
  touched.clear();
  if (differs) version.value++;
}

function refreshRow(client: MatrixClient, roomId: string): boolean {
  const room = client.getRoom(roomId);
  const before = kept.get(roomId);
  if (!room || !isListed(room)) return kept.delete(roomId);
  const now = rowOf(room, before);
  if (before && sameRow(before, now)) return false;
  kept.set(roomId, now);
  return true;
}

onClient((client: MatrixClient) => {
  kept.clear();
  touched.clear();
  const ofRoom = (room: Room | undefined) => room && touch(room.roomId);
  client.on(ClientEvent.Room, ofRoom);
  client.on(ClientEvent.DeleteRoom, touch);
  client.on(RoomEvent.Timeline, (_event, room) => ofRoom(room));
  client.on(RoomEvent.TimelineReset, ofRoom);
  client.on(RoomEvent.Redaction, (_event, room) => ofRoom(room));
  client.on(RoomEvent.Name, ofRoom);
  client.on(RoomEvent.Tags, (_event, room) => ofRoom(room));
  client.on(RoomEvent.AccountData, (_event, room) => ofRoom(room));
  client.on(RoomEvent.Receipt, (_event, room) => ofRoom(room));
  client.on(RoomEvent.MyMembership, ofRoom);
  client.on(RoomEvent.LocalEchoUpdated, (_event, room) => ofRoom(room));
  client.on(RoomStateEvent.Events, (_event, state) => touch(state.roomId));
  client.on(MatrixEventEvent.Decrypted, (event) => touch(event.getRoomId() ?? ""));
  client.on(ClientEvent.AccountData, (event) => {
    if (event.getType() === "m.ignored_user_list") touchAll();
  });
  // Counts come with a sync and after the timeline's events, and the room tells only those who listen to it.
  client.on(ClientEvent.Room, (room) => room.on(RoomEvent.UnreadNotifications, () => touch(room.roomId)));
  for (const room of client.getRooms()) room.on(RoomEvent.UnreadNotifications, () => touch(room.roomId));
});

effect(() => {
  language.value;
  loudness.value;
  directRooms.value;
  if (ready.value) touchAll();
});

function byRankThenTime(a: RoomRow, b: RoomRow): number {
  return a.rank - b.rank || b.lastAt - a.lastAt;
}
