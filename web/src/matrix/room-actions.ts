/** What a person does to a whole room: pin, mark, join, decline, leave, forget. All of it throws what the server says. */

import { effect } from "@preact/signals";
import { EventType, type Room } from "matrix-js-sdk";

import { place } from "../router";
import { matrix, ready } from "./client";
import { markDirect, unmarkDirect } from "./direct";
import { TAG_PINNED } from "./room-row";

export async function setPinned(roomId: string, pinned: boolean): Promise<void> {
  if (pinned) await matrix().setRoomTag(roomId, TAG_PINNED, {});
  else await matrix().deleteRoomTag(roomId, TAG_PINNED);
}

export async function markRead(roomId: string): Promise<void> {
  const client = matrix();
  const room = client.getRoom(roomId);
  const last = room?.getLastLiveEvent();
  if (isMarkedUnread(room)) await setMarkedUnread(roomId, false);
  const id = last?.getId();
  if (!last || !id?.startsWith("$")) return; // nothing there, or only what is still being sent
  await client.setRoomReadMarkers(roomId, id, last); // of no thread, so of all
}

export async function setMarkedUnread(roomId: string, unread: boolean): Promise<void> {
  await matrix().setRoomAccountData(roomId, EventType.MarkedUnread, { unread });
}

/** A direct chat stays one: the invitation says whether it is. */
export async function accept(roomId: string): Promise<void> {
  const client = matrix();
  const room = client.getRoom(roomId);
  const inviter = room?.getDMInviter();
  await client.joinRoom(roomId);
  if (inviter) await markDirect(roomId, inviter);
}

/** Decline, withdraw a knock, or leave. The room is no longer anybody's direct chat of this account. */
export async function leave(roomId: string): Promise<void> {
  await matrix().leave(roomId);
  await unmarkDirect(roomId).catch(() => undefined); // the room is left all the same
}

/** Leave, and let the server take it out of this account for good. */
export async function leaveAndForget(roomId: string): Promise<void> {
  await leave(roomId);
  await matrix().forget(roomId);
}

/** A room marked to come back to has been come back to. */
effect(() => {
  if (!ready.value || place.value.view !== "room") return;
  const { roomId } = place.value;
  if (isMarkedUnread(matrix().getRoom(roomId))) void setMarkedUnread(roomId, false).catch(() => undefined);
});

function isMarkedUnread(room: Room | null): boolean {
  return room?.getAccountData(EventType.MarkedUnread)?.getContent().unread === true;
}
