/** The content of a message that brings a file, whoever sent it, as what can be shown of it. Pure; trusts nothing. */

import type { EncryptedFile } from "./attachments";
import { recordOf as record, textOf as text } from "./content";
import type { MediaSource } from "./media";

const NAME_CHARS_MAX = 200;
const SIDE_MAX = 20_000; // px
const POINTS_MAX = 128; // of a waveform
const STILL_SIDE = 800; // px asked of the server
const WHOLE_BYTES_MAX = 4 * 1024 ** 2; // moving pictures up to this are shown as they are
const MOVING = new Set(["image/gif", "image/webp", "image/apng", "image/avif"]);

export interface FileBody {
  kind: "image" | "video" | "audio" | "voice" | "file";
  name: string;
  caption: string;
  bytes?: number;
  w?: number;
  h?: number;
  duration?: number; // ms
  waveform: number[]; // 0 to 1
  whole: MediaSource | null; // null: the message does not say where it is
  still: MediaSource | null; // to be seen first
}

type Content = Record<string, unknown>;

export function fileBody(content: Content, isSticker = false): FileBody {
  const info = record(content.info);
  const type = text(info.mimetype);
  const whole = source(content.url, content.file, type);
  const kind = isSticker ? "image" : kindOf(content);
  const name = text(content.filename) || text(content.body);
  const audio = record(content["org.matrix.msc1767.audio"]);
  return {
    kind,
    name: shownName(name),
    caption: text(content.filename) && content.filename !== content.body ? text(content.body) : "",
    bytes: positive(info.size, Number.MAX_SAFE_INTEGER),
    w: positive(info.w, SIDE_MAX),
    h: positive(info.h, SIDE_MAX),
    duration: positive(info.duration ?? audio.duration, Number.MAX_SAFE_INTEGER),
    waveform: waveform(audio.waveform),
    whole,
    still: stillOf(kind, info, type, whole),
  };
}

/** Of bounded length, and without the signs that turn the direction of writing: with them `gpj.exe` is read as a picture. */
export function shownName(name: string): string {
  return name.slice(0, NAME_CHARS_MAX).replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069\p{Cc}]/gu, "");
}

function kindOf(content: Content): FileBody["kind"] {
  const kind = /^m\.(image|video|audio)$/.exec(text(content.msgtype))?.[1];
  if (kind === "audio" && ("org.matrix.msc3245.voice" in content || "org.matrix.msc3245.voice.v2" in content)) return "voice";
  return (kind as FileBody["kind"] | undefined) ?? "file";
}

/** The sender's own thumbnail where the server cannot make one; else the server's; small moving pictures whole. */
function stillOf(kind: FileBody["kind"], info: Content, type: string, whole: MediaSource | null): MediaSource | null {
  if (kind !== "image" && kind !== "video") return null;
  const given = source(info.thumbnail_url, info.thumbnail_file, text(record(info.thumbnail_info).mimetype));
  if (kind === "video") return given;
  const isMoving = MOVING.has(type) && positive(info.size, WHOLE_BYTES_MAX) !== undefined;
  if (isMoving || !whole) return whole;
  return whole.encrypted ? (given ?? whole) : { mxc: whole.mxc, side: STILL_SIDE };
}

function source(url: unknown, file: unknown, type: string): MediaSource | null {
  const encrypted = record(file) as Partial<EncryptedFile>;
  if (typeof encrypted.url === "string" && encrypted.key && typeof encrypted.iv === "string") {
    return { mxc: encrypted.url, encrypted: encrypted as EncryptedFile, ...(type ? { type } : {}) };
  }
  return typeof url === "string" && url.startsWith("mxc://") ? { mxc: url } : null;
}

function waveform(given: unknown): number[] {
  if (!Array.isArray(given)) return [];
  const points = given.slice(0, POINTS_MAX).map((each) => typeof each === "number" ? Math.min(1, Math.max(0, each / 1024)) : NaN);
  return points.some(Number.isNaN) ? [] : points;
}

function positive(given: unknown, max: number): number | undefined {
  return typeof given === "number" && given > 0 && given <= max ? given : undefined;
}
