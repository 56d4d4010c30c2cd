/** What happened to a room, in a few words: for rooms in which nobody has said anything yet. */

import { KnownMembership, type MatrixEvent, type Room, type RoomMember } from "matrix-js-sdk";

import { words } from "../words";
import { oneLine } from "./last-line";

const SCANNED_MAX = 100; // events looked at, from the newest

const w = words({
  created: [(who: string) => `${who}님이 대화방을 만들었습니다`, (who: string) => `${who} created the room`],
  joined: [(who: string) => `${who}님이 들어왔습니다`, (who: string) => `${who} joined`],
  left: [(who: string) => `${who}님이 나갔습니다`, (who: string) => `${who} left`],
  invited: [(by: string, who: string) => `${by}님이 ${who}님을 초대했습니다`, (by: string, who: string) => `${by} invited ${who}`],
  removed: [(by: string, who: string) => `${by}님이 ${who}님을 내보냈습니다`, (by: string, who: string) => `${by} removed ${who}`],
  banned: [(by: string, who: string) => `${by}님이 ${who}님을 차단했습니다`, (by: string, who: string) => `${by} banned ${who}`],
  unbanned: [(by: string, who: string) => `${by}님이 ${who}님의 차단을 풀었습니다`, (by: string, who: string) => `${by} lifted the ban on ${who}`],
  declined: [(who: string) => `${who}님이 초대를 거절했습니다`, (who: string) => `${who} declined the invitation`],
  withdrew: [(by: string, who: string) => `${by}님이 ${who}님의 초대를 취소했습니다`, (by: string, who: string) => `${by} withdrew the invitation of ${who}`],
  refused: [(by: string, who: string) => `${by}님이 ${who}님의 요청을 거절했습니다`, (by: string, who: string) => `${by} refused the request of ${who}`],
  gaveUp: [(who: string) => `${who}님이 요청을 거두었습니다`, (who: string) => `${who} no longer asks to join`],
  knocked: [(who: string) => `${who}님이 들어오기를 청했습니다`, (who: string) => `${who} asks to join`],
  named: [(name: string) => `대화방 이름: ${name}`, (name: string) => `Room name: ${name}`],
  about: [(topic: string) => `주제: ${topic}`, (topic: string) => `Topic: ${topic}`],
  pictured: ["대화방 사진이 바뀌었습니다", "The room's picture changed"],
  encrypted: ["이제 암호화되는 대화방입니다", "The room is now encrypted"],
});

export function lastHappened(room: Room): MatrixEvent | undefined {
  const events = room.getLiveTimeline().getEvents();
  for (let at = events.length - 1; at >= 0 && at >= events.length - SCANNED_MAX; at--) {
    if (happenedInWords(events[at]!, room)) return events[at];
  }
  return undefined;
}

/** Empty for what is not worth a line. */
export function happenedInWords(event: MatrixEvent, room: Room): string {
  if (!event.isState()) return "";
  const by = nameIn(room, event.getSender() ?? "");
  const content = event.getContent();
  switch (event.getType()) {
    case "m.room.create":
      return w.created(by);
    case "m.room.member":
      return membershipInWords(event, room, by);
    case "m.room.name":
      return oneLine(content.name) && w.named(oneLine(content.name));
    case "m.room.topic":
      return oneLine(content.topic) && w.about(oneLine(content.topic));
    case "m.room.avatar":
      return w.pictured;
    case "m.room.encryption":
      return w.encrypted;
    default:
      return "";
  }
}

function membershipInWords(event: MatrixEvent, room: Room, by: string): string {
  const before = event.getPrevContent().membership;
  const now = event.getContent().membership;
  const target = event.getStateKey() ?? "";
  const who = nameIn(room, target);
  if (before === now) return ""; // a new name or picture
  switch (now) {
    case KnownMembership.Join:
      return w.joined(who);
    case KnownMembership.Invite:
      return w.invited(by, who);
    case KnownMembership.Knock:
      return w.knocked(who);
    case KnownMembership.Ban:
      return w.banned(by, who);
    case KnownMembership.Leave:
      return gone(before, target === event.getSender(), by, who);
    default:
      return "";
  }
}

/** Out of the room, by oneself or not; what it means depends on what one was. */
function gone(before: unknown, bySelf: boolean, by: string, who: string): string {
  switch (before) {
    case KnownMembership.Ban:
      return w.unbanned(by, who);
    case KnownMembership.Invite:
      return bySelf ? w.declined(who) : w.withdrew(by, who);
    case KnownMembership.Knock:
      return bySelf ? w.gaveUp(who) : w.refused(by, who);
    default:
      return bySelf ? w.left(who) : w.removed(by, who);
  }
}

/** A person's name in a room, of bounded length; the local part of the id for whoever has none, and beside a name that two have. */
export function nameIn(room: Room | null, userId: string): string {
  const member = room?.getMember(userId);
  const named = [member && memberName(member, room), room?.client.getUser(userId)?.displayName].map(oneLine);
  const name = named.find((name) => name && name !== userId);
  const local = userId.replace(/^@/, "").split(":")[0] ?? userId;
  if (!name) return local;
  return room && member && isShared(room, member) ? `${name} (@${local})` : name;
}

/** Another one there has the same name, or one that looks the same: it might be put on to be taken for them. */
function isShared(room: Room, { userId, rawDisplayName }: RoomMember): boolean {
  return room.currentState.getUserIdsWithDisplayName(rawDisplayName).some((other) => other !== userId && isThere(room, other));
}

function isThere(room: Room, userId: string): boolean {
  const membership = room.getMember(userId)?.membership;
  return membership === KnownMembership.Join || membership === KnownMembership.Invite;
}

/** What a member is called there; whoever was removed has no name in that event, but had one before. */
export function memberName(member: RoomMember, room: Room | null): string {
  if (member.rawDisplayName !== member.userId) return oneLine(member.rawDisplayName);
  const event = member.events.member;
  const said = room?.findEventById(event?.getId() ?? "") ?? event; // of the two copies, the timeline's knows what was before
  return oneLine(said?.getPrevContent().displayname);
}
