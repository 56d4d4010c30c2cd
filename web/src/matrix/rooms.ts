/** The rooms of the signed-in person as plain rows, newest first; one place follows the client's events. */

import { computed, signal } from "@preact/signals";
import {
  ClientEvent,
  KnownMembership,
  type MatrixClient,
  NotificationCountType,
  type Room,
  RoomEvent,
  RoomMemberEvent,
  RoomStateEvent,
} from "matrix-js-sdk";

import { matrix, onClient, ready } from "./client";

export interface RoomRow {
  id: string;
  name: string;
  lastAt: number; // ms since 1970
  lastLine: string;
  lastSender: string;
  unread: number;
  highlights: number;
  invited: boolean;
  encrypted: boolean;
  pinned: boolean;
  muted: boolean;
}

const version = signal(0); // goes up, at most once a frame, when any room may look different
let asked = false;

export function changed(): void {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    version.value++;
  });
}

export const rooms = computed<RoomRow[]>(() => {
  version.value;
  if (!ready.value) return [];
  return matrix().getRooms().filter(isShown).map(row).sort(byPinThenTime);
});

onClient((client: MatrixClient) => {
  client.on(ClientEvent.Room, changed);
  client.on(ClientEvent.DeleteRoom, changed);
  client.on(ClientEvent.AccountData, changed);
  client.on(RoomEvent.Timeline, changed);
  client.on(RoomEvent.Name, changed);
  client.on(RoomEvent.Tags, changed);
  client.on(RoomEvent.Receipt, changed);
  client.on(RoomEvent.MyMembership, changed);
  client.on(RoomEvent.LocalEchoUpdated, changed);
  client.on(RoomStateEvent.Events, changed);
  client.on(RoomMemberEvent.Membership, changed);
});

function isShown(room: Room): boolean {
  const membership = room.getMyMembership();
  return membership === KnownMembership.Join || membership === KnownMembership.Invite;
}

function row(room: Room): RoomRow {
  const last = room.getLastLiveEvent();
  return {
    id: room.roomId,
    name: room.name,
    lastAt: last?.getTs() ?? 0,
    lastLine: String(last?.getContent().body ?? ""),
    lastSender: last?.getSender() ?? "",
    unread: room.getUnreadNotificationCount(NotificationCountType.Total),
    highlights: room.getUnreadNotificationCount(NotificationCountType.Highlight),
    invited: room.getMyMembership() === KnownMembership.Invite,
    encrypted: room.hasEncryptionStateEvent(),
    pinned: "m.favourite" in room.tags,
    muted: false,
  };
}

function byPinThenTime(a: RoomRow, b: RoomRow): number {
  return Number(b.pinned) - Number(a.pinned) || b.lastAt - a.lastAt;
}
