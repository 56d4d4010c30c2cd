/** What a room is, changed by whoever may: name, topic, picture, who comes in, who sees the past, its address. */

import { EventType, HistoryVisibility, type IContent, type Room } from "matrix-js-sdk";

import { matrix } from "./client";
import { textOf } from "./content";

export const TOPIC_CHARACTERS_MAX = 1_000;
export const HISTORY = ["joined", "invited", "shared", "world_readable"] as const;

export async function setName(roomId: string, name: string): Promise<void> {
  await matrix().setRoomName(roomId, name);
}

export async function setTopic(roomId: string, topic: string): Promise<void> {
  await matrix().setRoomTopic(roomId, topic);
}

/** An empty address takes the picture away. */
export async function setPicture(roomId: string, mxc: string): Promise<void> {
  await matrix().sendStateEvent(roomId, EventType.RoomAvatar, mxc ? { url: mxc } : {}, "");
}

export async function setHistory(roomId: string, visibility: (typeof HISTORY)[number]): Promise<void> {
  const content = { history_visibility: visibility as HistoryVisibility };
  await matrix().sendStateEvent(roomId, EventType.RoomHistoryVisibility, content, "");
}

export function topicOf(room: Room): string {
  return textOf(contentOf(room, EventType.RoomTopic).topic);
}

export function historyOf(room: Room): string {
  return textOf(contentOf(room, EventType.RoomHistoryVisibility).history_visibility) || "shared";
}

/** An address such as `#hiking:example.org` leads to the room and is the one shown of it; empty takes it away. */
export async function setAlias(room: Room, local: string): Promise<void> {
  const client = matrix();
  const before = room.getCanonicalAlias();
  const alias = local ? `#${local}:${client.getDomain()}` : "";
  if (alias === (before ?? "")) return;
  if (alias) await client.createAlias(alias, room.roomId);
  await client.sendStateEvent(room.roomId, EventType.RoomCanonicalAlias, alias ? { alias } : {}, "");
  if (before?.endsWith(`:${client.getDomain()}`)) await client.deleteAlias(before).catch(() => undefined); // another's
}

/** The part of an alias that people type. */
export function localOf(alias: string | null): string {
  return alias?.slice(1).split(":")[0] ?? "";
}

/** What may stand there: no spaces, no colon, and nothing that reads as the start of another kind of id. */
export function isAlias(local: string): boolean {
  return /^[^\s:#@!$\0]{1,200}$/u.test(local);
}

function contentOf(room: Room, type: string): IContent {
  return room.currentState.getStateEvents(type, "")?.getContent() ?? {};
}
