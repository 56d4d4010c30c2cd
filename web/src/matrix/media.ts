/**
 * Media of the server, downloaded with the session's token and shown as object URLs. What nobody shows any longer is
 * kept for a while, within MEDIA_BYTES_MAX, and then revoked. Encrypted files are decrypted here and their hash checked.
 */

import { effect, type Signal, signal } from "@preact/signals";

import { Altered, canEncrypt, decryptAttachment, type EncryptedFile } from "./attachments";
import { PIXELS_MAX, sizeOf } from "./probe";
import { session } from "./session";
import { current, siteFetch } from "./sites";

const MEDIA_BYTES_MAX = 96 * 1024 ** 2; // of what is kept though nobody shows it
const FILE_BYTES_MAX = 512 * 1024 ** 2; // more does not fit in a page's memory
const DOWNLOADS_MAX = 3; // at once, of the six connections to a site: one each is left for sync, sending and asking whether it lives

/** With these types a browser runs no script, wherever the URL is opened. Everything else is bytes. */
const SHOWN = /^(image\/(png|jpeg|gif|webp|avif|apng)|video\/(mp4|webm|ogg|quicktime)|audio\/[\w.+-]+)$/;

export interface MediaSource {
  mxc: string;
  encrypted?: EncryptedFile;
  type?: string; // of what is encrypted; the server tells that of the rest
  side?: number; // a thumbnail within a square of so many pixels, made by the server
}

export type Why = "missing" | "refused" | "unreachable" | "altered" | "too-large" | "insecure";
export type Media =
  | { state: "loading" }
  | { state: "ready"; url: string; blob: Blob; isHuge?: boolean } // huge: a picture of more pixels than a page can draw
  | { state: "broken"; why: Why };

export interface Opened {
  media: Signal<Media>;
  /** While held, the URL lives. Returns what lets it go. */
  hold(): () => void;
  retry(): void;
}

interface Kept extends Opened {
  holders: number;
}

const kept = new Map<string, Kept>(); // oldest use first
let running = 0;
const waiting: (() => void)[] = [];

export function open(source: MediaSource): Opened {
  const key = keyOf(source);
  const before = kept.get(key);
  if (before) {
    if (before.holders === 0 && before.media.peek().state === "broken") before.retry();
    return before;
  }
  const made = make(key, source);
  kept.set(key, made);
  void load(made, source);
  return made;
}

export function keyOf(source: MediaSource): string {
  return `${session.peek()?.userId} ${source.mxc} ${source.side ?? ""} ${source.encrypted?.key?.k ?? ""}`;
}

function make(key: string, source: MediaSource): Kept {
  const made: Kept = {
    media: signal<Media>({ state: "loading" }),
    holders: 0,
    hold() {
      made.holders++;
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        made.holders--;
        kept.delete(key);
        kept.set(key, made); // the latest used goes last
        trim();
      };
    },
    retry() {
      if (made.media.peek().state !== "broken") return;
      made.media.value = { state: "loading" };
      void load(made, source);
    },
  };
  return made;
}

/** What was seen in a session ends with it. */
effect(() => {
  if (!session.value) trim(0);
});

function trim(bytesMax = MEDIA_BYTES_MAX): void {
  let bytes = 0;
  for (const each of [...kept].reverse()) {
    const [key, { holders, media }] = each;
    const now = media.peek();
    if (holders || now.state === "loading") continue;
    bytes += now.state === "ready" ? now.blob.size : 0;
    if (bytes <= bytesMax && now.state === "ready") continue;
    if (now.state === "ready") URL.revokeObjectURL(now.url);
    kept.delete(key);
  }
}

async function load(into: Kept, source: MediaSource): Promise<void> {
  if (running >= DOWNLOADS_MAX) await new Promise<void>((go) => waiting.push(go));
  running++;
  try {
    const blob = await downloaded(source);
    const isHuge = source.side === undefined && (await hasTooManyPixels(blob));
    into.media.value = { state: "ready", blob, url: URL.createObjectURL(blob), ...(isHuge ? { isHuge } : {}) };
  } catch (error) {
    into.media.value = { state: "broken", why: error instanceof Failed ? error.why : "unreachable" };
  } finally {
    running--;
    waiting.shift()?.();
  }
}

/** A few kilobytes may be a picture of a gigabyte. What the server made smaller is believed. */
async function hasTooManyPixels(blob: Blob): Promise<boolean> {
  if (!blob.type.startsWith("image/") || typeof Image === "undefined") return false;
  const size = await sizeOf(blob);
  return size !== null && size.w * size.h > PIXELS_MAX;
}

class Failed extends Error {
  constructor(readonly why: Why) {
    super(why);
  }
}

async function downloaded(source: MediaSource): Promise<Blob> {
  if (source.encrypted && !canEncrypt()) throw new Failed("insecure");
  const answer = await asked(address(source));
  if (Number(answer.headers.get("content-length") ?? 0) > FILE_BYTES_MAX) throw new Failed("too-large");
  const blob = await answer.blob();
  if (!source.encrypted) return new Blob([blob], { type: safe(blob.type) });
  try {
    return new Blob([await decryptAttachment(await blob.arrayBuffer(), source.encrypted)], { type: safe(source.type) });
  } catch (error) {
    throw error instanceof Altered ? new Failed("altered") : error;
  }
}

/** Busy and lost sites are `siteFetch`'s concern; what is answered here is final. */
async function asked(url: string | null): Promise<Response> {
  if (!url) throw new Failed("missing");
  const answer = await siteFetch(url, { headers: { authorization: `Bearer ${session.peek()?.accessToken}` } });
  if (answer.ok) return answer;
  if (answer.status >= 500 || answer.status === 429) throw new Failed("unreachable");
  throw new Failed(answer.status === 404 ? "missing" : "refused");
}

/** Null for what is no mxc address. */
function address({ mxc, side }: MediaSource): string | null {
  const parts = /^mxc:\/\/([^/?#]+)\/([^/?#]+)$/.exec(mxc);
  if (!parts) return null;
  const [server, id] = [encodeURIComponent(parts[1]!), encodeURIComponent(parts[2]!)];
  const base = `${current.peek()}/_matrix/client/v1/media`;
  return side
    ? `${base}/thumbnail/${server}/${id}?width=${side}&height=${side}&method=scale&animated=false`
    : `${base}/download/${server}/${id}`;
}

function safe(type: string | undefined): string {
  const essence = (type ?? "").split(";")[0]!.trim().toLowerCase();
  return SHOWN.test(essence) ? type! : "application/octet-stream";
}
