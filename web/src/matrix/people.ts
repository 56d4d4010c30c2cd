/**
 * People: those one has direct chats with ("friends"), those the server's directory finds, and those one has blocked.
 */

import { computed, signal } from "@preact/signals";
import { ClientEvent, EventType, KnownMembership, type MatrixClient, Preset, type Room } from "matrix-js-sdk";

import { matrix, onClient } from "./client";
import { textOf } from "./content";
import { encryptedFromTheStart } from "./crypto-rooms";
import { directRooms, markDirect } from "./direct";
import { nameIn } from "./happened";
import { oneLine } from "./last-line";
import { mxcOf } from "./member-picture";
import { rowsById } from "./rooms";

const FOUND_MAX = 30; // people shown of a search

export interface Person {
  userId: string;
  name: string;
  avatar: string; // mxc: address, or empty
}

export interface Friend extends Person {
  roomId: string; // the direct chat last spoken in
  lastAt: number;
}

/** Whoever is ignored: nothing they write is shown, and the server hands on no invitation of theirs. */
export const blocked = signal<ReadonlySet<string>>(new Set());

onClient((client: MatrixClient) => {
  blocked.value = new Set(client.getIgnoredUsers());
  client.on(ClientEvent.AccountData, (event) => {
    if (event.getType() === EventType.IgnoredUserList) blocked.value = new Set(client.getIgnoredUsers());
  });
});

/** By name; one entry a person, whatever the number of their chats. */
export const friends = computed<readonly Friend[]>(() => {
  const found = new Map<string, Friend>();
  for (const [roomId, userId] of directRooms.value) {
    const row = rowsById.value.get(roomId);
    if (!row || row.invited || blocked.value.has(userId)) continue;
    const before = found.get(userId);
    if (before && before.lastAt >= row.lastAt) continue;
    const room = matrix().getRoom(roomId);
    found.set(userId, { ...personIn(room, userId), roomId, lastAt: row.lastAt });
  }
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name));
});

export function personIn(room: Room | null, userId: string): Person {
  const avatar = mxcOf(room, userId) || textOf(matrix().getUser(userId)?.avatarUrl);
  return { userId, name: nameIn(room, userId), avatar };
}

/**
 * Who the directory finds, and before them whoever has exactly that id: the directory tells only of people met in
 * a room, and a first friend has not been met. Blocked people are found too, or nobody could be unblocked.
 */
export async function searchPeople(term: string): Promise<Person[]> {
  const client = matrix();
  const [found, exact] = await Promise.all([
    client.searchUserDirectory({ term, limit: FOUND_MAX }).then((answer) => answer.results),
    profile(idFrom(term, client.getDomain() ?? "")),
  ]);
  const people = found.map((each) => ({
    userId: each.user_id,
    name: oneLine(each.display_name) || localpart(each.user_id),
    avatar: each.avatar_url ?? "",
  }));
  const others = people.filter(({ userId }) => userId !== exact?.userId);
  return (exact ? [exact, ...others] : others).filter(({ userId }) => userId !== client.getUserId());
}

/** Null for whom the server does not know. */
export async function profile(userId: string | null): Promise<Person | null> {
  if (!userId) return null;
  try {
    const { displayname, avatar_url } = await matrix().getProfileInfo(userId);
    return { userId, name: oneLine(displayname) || localpart(userId), avatar: avatar_url ?? "" };
  } catch {
    return null;
  }
}

/** "bob", "@bob" or "@bob:example.org" as an id; null for what cannot be one. */
export function idFrom(term: string, domain: string): string | null {
  const parts = /^@?([a-z0-9._=/+-]+)(:[^\s:/]+(?::\d+)?)?$/.exec(term.trim().toLowerCase());
  return parts && `@${parts[1]}${parts[2] ?? `:${domain}`}`;
}

export function localpart(userId: string): string {
  return userId.slice(1).split(":")[0] ?? userId;
}

/** The direct chat there is with somebody, newest first; null without one. */
export function directChatWith(userId: string): string | null {
  const client = matrix();
  const usable = [...directRooms.peek()]
    .filter(([, other]) => other === userId)
    .map(([roomId]) => client.getRoom(roomId))
    .filter((room): room is Room => room !== null && isUsable(room, userId));
  const newest = usable.sort((a, b) => lastAt(b) - lastAt(a))[0];
  return newest?.roomId ?? null;
}

/** The chat there is, or a new one, which is `encrypted` or not. An invitation from them is accepted. */
export async function startDirect(userId: string, encrypted: boolean): Promise<string> {
  const client = matrix();
  const before = directChatWith(userId) ?? invitationFrom(userId);
  if (before) {
    if (client.getRoom(before)?.getMyMembership() === KnownMembership.Invite) await client.joinRoom(before);
    await markDirect(before, userId);
    return before;
  }
  const { room_id } = await client.createRoom({
    preset: Preset.TrustedPrivateChat,
    is_direct: true,
    invite: [userId],
    initial_state: encrypted ? encryptedFromTheStart() : [],
  });
  await markDirect(room_id, userId);
  return room_id;
}

export async function setBlocked(userId: string, isBlocked: boolean): Promise<void> {
  const client = matrix();
  const others = client.getIgnoredUsers().filter((id) => id !== userId);
  await client.setIgnoredUsers(isBlocked ? [...others, userId] : others);
}

/** Both are in it, or it waits for the other one. */
function isUsable(room: Room, userId: string): boolean {
  if (room.getMyMembership() !== KnownMembership.Join) return false;
  const theirs = room.getMember(userId)?.membership;
  return theirs === KnownMembership.Join || theirs === KnownMembership.Invite || theirs === undefined;
}

function invitationFrom(userId: string): string | null {
  const found = [...rowsById.peek().values()].find((row) => row.invited && row.inviter === userId);
  const isDirect = found && matrix().getRoom(found.id)?.getDMInviter() === userId;
  return isDirect ? found.id : null;
}

function lastAt(room: Room): number {
  return rowsById.peek().get(room.roomId)?.lastAt ?? 0;
}
