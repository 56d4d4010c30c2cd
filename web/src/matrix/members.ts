/** The members of a room as plain rows, in the order in which people look for them; tens of thousands of them. */

import type { Room, RoomMember } from "matrix-js-sdk";

import { textOf } from "./content";
import { memberName } from "./happened";
import { localpart } from "./people";
import { type Role, roleOf, toSpeak } from "./powers";

export type Standing = "knock" | "join" | "invite" | "ban";

export interface MemberRow {
  id: string;
  name: string;
  avatar: string; // mxc: address, or empty
  level: number;
  role: Role;
  standing: Standing;
}

const ORDER: readonly Standing[] = ["knock", "join", "invite", "ban"];
const names = new Intl.Collator(["ko", "en"]);

/** Whoever waits to be let in first, then by level and name; the invited and the banned last. */
export function membersOf(room: Room): MemberRow[] {
  const needed = toSpeak(room);
  const rows = room.getMembers().flatMap((member) => rowOf(member, needed, room));
  return rows.sort(
    (a, b) => ORDER.indexOf(a.standing) - ORDER.indexOf(b.standing) || b.level - a.level || names.compare(a.name, b.name),
  );
}

function rowOf(member: RoomMember, needed: number, room: Room): MemberRow[] {
  const standing = member.membership as Standing;
  if (!ORDER.includes(standing)) return [];
  const name = memberName(member, room) || localpart(member.userId);
  const level = member.powerLevel;
  return [{ id: member.userId, name, avatar: textOf(member.getMxcAvatarUrl()), level, role: roleOf(level, needed), standing }];
}

export function countOf(room: Room): number {
  return room.getJoinedMemberCount();
}
