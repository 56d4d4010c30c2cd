/** Who may do what in a room, and what people call it: owner, admin, moderator, member. */

import { KnownMembership, type Room } from "matrix-js-sdk";

export type Role = "owner" | "admin" | "moderator" | "member" | "silent";

export const LEVELS = { admin: 100, moderator: 50, member: 0 } as const;

/** Of a level, with what the room takes of everybody who speaks. Creators of newer rooms stand above all levels. */
export function roleOf(level: number, toSpeak = 0): Role {
  if (level === Infinity) return "owner";
  if (level >= LEVELS.admin) return "admin";
  if (level >= LEVELS.moderator) return "moderator";
  return level < toSpeak ? "silent" : "member";
}

export function levelIn(room: Room, userId: string): number {
  const known = room.getMember(userId);
  if (known) return known.powerLevel;
  const levels = levelsOf(room);
  return number(levels.users?.[userId], number(levels.users_default, 0));
}

export function myLevel(room: Room): number {
  return levelIn(room, room.myUserId);
}

export type Act = "invite" | "kick" | "ban" | "redact";

/** What the server takes of everybody; it judges again itself. */
export function mayAct(room: Room, act: Act): boolean {
  const needed = act === "invite" ? 0 : LEVELS.moderator;
  return isIn(room) && myLevel(room) >= number(levelsOf(room)[act], needed);
}

/** Only people below oneself can be removed or banned. */
export function mayActOn(room: Room, act: "kick" | "ban", userId: string): boolean {
  return userId !== room.myUserId && mayAct(room, act) && levelIn(room, userId) < myLevel(room);
}

export function mayChange(room: Room, type: string): boolean {
  return isIn(room) && room.currentState.maySendStateEvent(type, room.myUserId);
}

/** The roles one may give somebody: none above one's own, and none to one's equals, save oneself. */
export function rolesFor(room: Room, userId: string): ("admin" | "moderator" | "member")[] {
  const mine = myLevel(room);
  const theirs = levelIn(room, userId);
  if (!mayChange(room, "m.room.power_levels") || theirs === Infinity) return [];
  if (userId !== room.myUserId && theirs >= mine) return [];
  return (["admin", "moderator", "member"] as const).filter((role) => LEVELS[role] <= mine);
}

export function toSpeak(room: Room): number {
  const levels = levelsOf(room);
  return number(levels.events?.["m.room.message"], number(levels.events_default, 0));
}

function isIn(room: Room): boolean {
  return room.getMyMembership() === KnownMembership.Join;
}

interface Levels {
  users?: Record<string, unknown>;
  events?: Record<string, unknown>;
  [key: string]: unknown;
}

function levelsOf(room: Room): Levels {
  return room.currentState.getStateEvents("m.room.power_levels", "")?.getContent() ?? {};
}

/** Levels of old rooms may be texts. */
function number(level: unknown, otherwise: number): number {
  const parsed = typeof level === "string" ? Number.parseInt(level, 10) : level;
  return typeof parsed === "number" && Number.isFinite(parsed) ? parsed : otherwise;
}
