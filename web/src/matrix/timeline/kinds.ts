/** What each event is to a timeline: a message, a quiet line, something about another message, or nothing to see. */

import { EventType, type MatrixEvent, MsgType, RelationType } from "matrix-js-sdk";

import { textOf } from "../content";

export type Kind = "message" | "state" | "about" | "hidden";

/** How the body of a message is drawn. */
export type Body = "text" | "notice" | "emote" | "media" | "decrypting" | "undecryptable" | "redacted" | "unsupported";

const MESSAGES: ReadonlySet<string> = new Set([
  EventType.RoomMessage,
  EventType.RoomMessageEncrypted,
  EventType.Sticker,
  "m.poll.start",
  "org.matrix.msc3381.poll.start",
]);
const QUIET: ReadonlySet<string> = new Set([
  EventType.RoomCreate,
  EventType.RoomMember,
  EventType.RoomName,
  EventType.RoomTopic,
  EventType.RoomAvatar,
  EventType.RoomEncryption,
  EventType.RoomTombstone,
  EventType.RoomPinnedEvents,
]);
const MEDIA: ReadonlySet<string> = new Set([MsgType.Image, MsgType.Video, MsgType.Audio, MsgType.File]);

export function kindOf(event: MatrixEvent): Kind {
  if (event.isState()) return QUIET.has(event.getType()) ? "state" : "hidden";
  if (event.isRedaction() || event.getType() === EventType.Reaction) return "about";
  if (relationOf(event)?.type === RelationType.Replace) return "about";
  if (event.getContent().msgtype === MsgType.KeyVerificationRequest) return "hidden"; // asked over the page instead
  return MESSAGES.has(event.getType()) ? "message" : "hidden";
}

export function bodyOf(event: MatrixEvent): Body {
  if (event.isRedacted()) return "redacted";
  if (event.isDecryptionFailure()) return "undecryptable";
  if (event.getType() === EventType.RoomMessageEncrypted) return "decrypting";
  return bodyOfContent(event.getType(), event.getOriginalContent().msgtype);
}

export function bodyOfContent(type: string, msgtype: unknown): Body {
  if (type === EventType.Sticker || MEDIA.has(textOf(msgtype))) return "media";
  if (type !== EventType.RoomMessage) return "unsupported";
  if (msgtype === MsgType.Emote) return "emote";
  if (msgtype === MsgType.Notice || msgtype === "m.server_notice") return "notice";
  return "text"; // an unknown type of message has a body for those who don't know it
}

export interface Relation {
  type: string;
  target: string; // event id
  key: string; // of a reaction; else empty
}

/** What an event says that it is about; null for what is about nothing. */
export function relationOf(event: MatrixEvent): Relation | null {
  const said = event.isState() ? null : event.getRelation();
  const [type, target, key] = [textOf(said?.rel_type), textOf(said?.event_id), textOf(said?.key)];
  return type && target ? { type, target, key } : null;
}

/** The root of the thread that an event is in, else undefined; a root itself is in none. */
export function threadOf(event: MatrixEvent): string | undefined {
  const about = relationOf(event);
  return about?.type === RelationType.Thread ? about.target : undefined;
}

export function redactedBy(redaction: MatrixEvent): string | undefined {
  const named: unknown = redaction.event.redacts ?? redaction.getContent().redacts;
  return typeof named === "string" ? named : undefined;
}
