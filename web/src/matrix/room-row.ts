/** One room as a plain row: all that the list shows of it, and nothing that changes by itself. */

import { KnownMembership, NotificationCountType, type Room } from "matrix-js-sdk";

import { words } from "../words";
import { textOf } from "./content";
import { directRooms } from "./direct";
import { happenedInWords, lastHappened, nameIn } from "./happened";
import { inWords, lastSaid, oneLine } from "./last-line";
import { loudness } from "./mute";

export const TAG_PINNED = "m.favourite";
const TAG_NOTICES = "m.server_notice";

const w = words({
  said: [(who: string, line: string) => `${who}: ${line}`, (who: string, line: string) => `${who}: ${line}`],
  mine: [(line: string) => `나: ${line}`, (line: string) => `You: ${line}`],
});

export interface RoomRow {
  id: string;
  name: string;
  avatar: string; // mxc: address, or empty
  lastAt: number; // ms since 1970
  lastLine: string;
  lastSender: string; // user id
  unread: number;
  highlights: number;
  markedUnread: boolean; // by the person, to come back to it
  quietlyUnread: boolean; // something new, of which nothing is to be made
  invited: boolean;
  inviter: string; // user id, of an invitation
  knocking: boolean; // asked to be let in
  direct: string; // user id of the other one of a direct chat, or empty
  encrypted: boolean;
  pinned: boolean;
  muted: boolean;
  notices: boolean; // the operator's notices
  people: number;
  rank: number; // lower stands higher in the list
}

export function isListed(room: Room): boolean {
  const membership = room.getMyMembership();
  if (membership === KnownMembership.Invite) return !isFromIgnored(room);
  if (membership === KnownMembership.Knock) return true;
  return membership === KnownMembership.Join && !room.isSpaceRoom() && !isReplaced(room);
}

/** `before` lends what the events at hand no longer tell. */
export function rowOf(room: Room, before?: RoomRow): RoomRow {
  const membership = room.getMyMembership();
  const invited = membership === KnownMembership.Invite;
  const pinned = TAG_PINNED in room.tags;
  const notices = TAG_NOTICES in room.tags;
  const muted = loudness.peek().get(room.roomId) === "none";
  const unread = room.getUnreadNotificationCount(NotificationCountType.Total);
  return {
    id: room.roomId,
    name: oneLine(room.name),
    avatar: pictureOf(room),
    ...lastOf(room, before),
    unread,
    highlights: room.getUnreadNotificationCount(NotificationCountType.Highlight),
    markedUnread: room.getAccountData("m.marked_unread")?.getContent().unread === true,
    quietlyUnread: unread === 0 && loudness.peek().has(room.roomId) && !isRead(room),
    invited,
    inviter: invited ? (room.getDMInviter() ?? inviterOf(room)) : "",
    knocking: membership === KnownMembership.Knock,
    direct: directRooms.peek().get(room.roomId) ?? "",
    encrypted: room.hasEncryptionStateEvent(),
    pinned,
    muted,
    notices,
    people: room.getJoinedMemberCount(),
    rank: invited ? 0 : pinned || notices ? 1 : 2,
  };
}

export function sameRow(a: RoomRow, b: RoomRow): boolean {
  return (Object.keys(a) as (keyof RoomRow)[]).every((key) => a[key] === b[key]);
}

/** The room's picture; for a direct chat without one, the other person's. */
export function pictureOf(room: Room): string {
  return textOf(room.getMxcAvatarUrl()) || textOf(room.getAvatarFallbackMember()?.getMxcAvatarUrl());
}

function lastOf(room: Room, before?: RoomRow): Pick<RoomRow, "lastAt" | "lastLine" | "lastSender"> {
  const said = lastSaid(room);
  if (said) {
    const sender = said.getSender() ?? "";
    return { lastAt: said.getTs(), lastLine: attributed(room, sender, inWords(said)), lastSender: sender };
  }
  // More than was looked at has been reacted to or edited since: what was said last is still that.
  if (before?.lastSender) return { lastAt: before.lastAt, lastLine: before.lastLine, lastSender: before.lastSender };
  const happened = lastHappened(room);
  if (happened) return { lastAt: happened.getTs(), lastLine: happenedInWords(happened, room), lastSender: "" };
  const mine = room.getMember(room.myUserId)?.events.member;
  return { lastAt: mine?.getTs() ?? 0, lastLine: "", lastSender: "" };
}

/** Who said it, where that is not plain. */
function attributed(room: Room, sender: string, line: string): string {
  if (sender === room.myUserId) return w.mine(line);
  return directRooms.peek().has(room.roomId) ? line : w.said(nameIn(room, sender), line);
}

function isRead(room: Room): boolean {
  const last = lastSaid(room);
  return !last || last.getSender() === room.myUserId || room.hasUserReadEvent(room.myUserId, last.getId()!);
}

function inviterOf(room: Room): string {
  return room.getMember(room.myUserId)?.events.member?.getSender() ?? "";
}

function isFromIgnored(room: Room): boolean {
  return room.client.isUserIgnored(inviterOf(room));
}

/** Upgraded, and one is in the room that took its place. */
function isReplaced(room: Room): boolean {
  const next: unknown = room.currentState.getStateEvents("m.room.tombstone", "")?.getContent().replacement_room;
  return typeof next === "string" && room.client.getRoom(next)?.getMyMembership() === KnownMembership.Join;
}
