/**
 * What was last said in a room, in a few words: for its row in the list and for notifications.
 * Reactions, edits and redactions are nothing said; what happened to the room counts while nobody has said anything.
 */

import { type IContent, type MatrixEvent, MsgType, RelationType, type Room } from "matrix-js-sdk";

import { words } from "../words";

const SCANNED_MAX = 100; // events looked at, from the newest
const LINE_CHARACTERS_MAX = 160;
const TURNS = /[\u202a-\u202e\u2066-\u2069]/g; // the direction of writing, for all that follows
const PILES = /(\p{M}{4})\p{M}+/gu; // more marks upon a letter than any language has

const w = words({
  picture: ["사진", "Photo"],
  video: ["동영상", "Video"],
  voice: ["음성 메시지", "Voice message"],
  audio: ["오디오", "Audio"],
  file: ["파일", "File"],
  named: [(kind: string, name: string) => `${kind} · ${name}`, (kind: string, name: string) => `${kind} · ${name}`],
  location: ["위치", "Location"],
  sticker: ["스티커", "Sticker"],
  poll: ["투표", "Poll"],
  call: ["통화", "Call"],
  deleted: ["삭제된 메시지", "Message deleted"],
  encrypted: ["암호화된 메시지", "Encrypted message"],
  unreadable: ["읽을 수 없는 메시지", "Message that cannot be read here"],
  odd: ["메시지", "Message"],
});

const SAID = new Set([
  "m.room.message",
  "m.room.encrypted",
  "m.sticker",
  "m.poll.start",
  "org.matrix.msc3381.poll.start",
  "m.call.invite",
]);

/** The newest event that is something said, threads included; else undefined. */
export function lastSaid(room: Room): MatrixEvent | undefined {
  const events = room.getLiveTimeline().getEvents();
  let found: MatrixEvent | undefined;
  for (let at = events.length - 1; at >= 0 && at >= events.length - SCANNED_MAX; at--) {
    if (isSaid(events[at]!)) {
      found = events[at];
      break;
    }
  }
  const inThread = room.getLastThread()?.replyToEvent;
  if (inThread && isSaid(inThread) && inThread.getTs() > (found?.getTs() ?? 0)) return inThread;
  return found;
}

export function isSaid(event: MatrixEvent): boolean {
  if (event.getContent().msgtype === MsgType.KeyVerificationRequest) return false;
  return !event.isState() && SAID.has(event.getType()) && !event.isRelation(RelationType.Replace);
}

/** One line, whatever the event is, of bounded length. */
export function inWords(event: MatrixEvent): string {
  if (event.isRedacted()) return w.deleted;
  if (event.isDecryptionFailure()) return w.unreadable;
  return contentInWords(event.getType(), event.getContent());
}

export function contentInWords(type: string, content: IContent): string {
  switch (type) {
    case "m.room.message":
      return messageInWords(content);
    case "m.room.encrypted":
      return w.encrypted;
    case "m.sticker":
      return named(w.sticker, content.body);
    case "m.poll.start":
    case "org.matrix.msc3381.poll.start":
      return named(w.poll, question(content));
    case "m.call.invite":
      return w.call;
    default:
      return w.odd;
  }
}

function messageInWords(content: IContent): string {
  switch (content.msgtype) {
    case MsgType.Image:
      return named(w.picture, caption(content));
    case MsgType.Video:
      return named(w.video, caption(content));
    case MsgType.Audio:
      if ("org.matrix.msc3245.voice" in content || "m.voice" in content) return w.voice;
      return named(w.audio, content.body);
    case MsgType.File:
      return named(w.file, content.body);
    case MsgType.Location:
      return w.location;
    default:
      return oneLine(withoutQuote(content)) || w.odd;
  }
}

/** A picture's body is its file's name unless it has both: a name says nothing to people, a caption does. */
function caption(content: IContent): unknown {
  return typeof content.filename === "string" && content.filename !== content.body ? content.body : undefined;
}

function question(content: IContent): unknown {
  const start = content["m.poll"] ?? content["org.matrix.msc3381.poll.start"];
  const asked = start?.question;
  return asked?.["org.matrix.msc1767.text"] ?? asked?.["m.text"]?.[0]?.body ?? asked?.body;
}

/** Old clients put what they answer to before their answer, each line after ">". */
function withoutQuote(content: IContent): unknown {
  const body: unknown = content.body;
  if (typeof body !== "string" || !content["m.relates_to"]?.["m.in_reply_to"] || !body.startsWith("> ")) return body;
  return body.replace(/^(> .*\n)+\n?/, "");
}

function named(kind: string, name: unknown): string {
  const line = oneLine(name);
  return line ? w.named(kind, line) : kind;
}

/** Cut between characters, not inside one; nothing for what is no text, nor what would spoil the text around it. */
export function oneLine(text: unknown): string {
  if (typeof text !== "string") return "";
  const line = text.slice(0, LINE_CHARACTERS_MAX * 4).replace(TURNS, "").replace(PILES, "$1").replace(/\s+/gu, " ").trim();
  const letters = [...line];
  return letters.length > LINE_CHARACTERS_MAX ? `${letters.slice(0, LINE_CHARACTERS_MAX).join("")}…` : line;
}
