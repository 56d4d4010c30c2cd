/**
 * Who is writing. Told to the server sparingly while one types, taken back when one stops; and heard of the others.
 */

import { signal } from "@preact/signals";
import { type MatrixClient, type RoomMember, RoomMemberEvent } from "matrix-js-sdk";

import { matrix, onClient } from "./client";

const TOLD_FOR_MS = 20_000; // the server forgets by itself after this
const TELL_AGAIN_MS = 10_000;
const SILENT_MS = 6_000; // without a key: no longer typing

/** User ids by room; only rooms where somebody types. */
export const typing = signal<ReadonlyMap<string, readonly string[]>>(new Map());

onClient((client: MatrixClient) => {
  typing.value = new Map();
  client.on(RoomMemberEvent.Typing, (_event, member) => heard(client, member));
});

function heard(client: MatrixClient, member: RoomMember): void {
  if (member.userId === client.getUserId()) return;
  const others = (typing.value.get(member.roomId) ?? []).filter((id) => id !== member.userId);
  const next = new Map(typing.value);
  const now = member.typing ? [...others, member.userId] : others;
  if (now.length) next.set(member.roomId, now);
  else next.delete(member.roomId);
  typing.value = next;
}

interface Told {
  at: number; // ms since 1970
  silence: ReturnType<typeof setTimeout>;
}
const told = new Map<string, Told>();

/** At every key. A typing notice that is lost harms nobody: errors are passed over. */
export function iType(roomId: string): void {
  const before = told.get(roomId);
  if (before) clearTimeout(before.silence);
  const isNews = !before || Date.now() - before.at > TELL_AGAIN_MS;
  const silence = setTimeout(() => iStop(roomId), SILENT_MS);
  told.set(roomId, { at: isNews ? Date.now() : before.at, silence });
  if (isNews) tell(roomId, true);
}

/** When what was typed is sent or deleted, or the room is left. */
export function iStop(roomId: string): void {
  const before = told.get(roomId);
  if (!before) return;
  clearTimeout(before.silence);
  told.delete(roomId);
  tell(roomId, false);
}

function tell(roomId: string, is: boolean): void {
  try {
    matrix().sendTyping(roomId, is, TOLD_FOR_MS).catch(() => undefined);
  } catch {
    // signed out meanwhile
  }
}
