/** The rules of the outbox, without any doing: what an entry is, what goes next, what a failure means. */

import type { IContent } from "matrix-js-sdk";

export interface Draft {
  roomId: string;
  type: string; // of the event, "m.room.message" mostly
  content: IContent;
  threadId?: string; // of the thread's root, when it goes into one
  redacts?: string; // the event that an m.room.redaction is about
}

export type State =
  | "waiting" // for its turn, or for a site
  | "sending"
  | "sent" // acknowledged; its event has not come back by sync yet
  | "failed"; // it will not go by itself: retry or discard

export type Failure =
  | "refused" // the server does not want it
  | "too-large"
  | "unsure" // it may have arrived: written on a session that ended, or before its room was encrypted
  | "no-encryption" // this browser cannot encrypt, and the room wants it
  | "no-longer-encrypted" // the room was encrypted, and the server denies it
  | "server"; // it fails there each time

export interface Pending extends Draft {
  txnId: string;
  at: number; // ms since 1970, when it was written
  state: State;
  eventId?: string; // once sent
  failure?: Failure; // when failed
  error?: string; // the server's own words
}

/** A pending message as it is kept. `number` gives the order; it is new after a retry by the person. */
export interface Entry extends Pending {
  number: number;
  userId: string;
  deviceId: string; // of the session it was written on: the server knows transaction ids per device
  encrypted?: boolean; // whether its room was, when it was written, if it was known then
  tries: number;
}

/** What is to be done after a failed attempt. Whatever is tried again goes under the same transaction id. */
export type Verdict =
  | { then: "again"; afterMs: number; everything: boolean } // `everything`: the whole outbox waits, not the room alone
  | { then: "fail"; failure: Failure; error?: string }
  | { then: "rest" }; // the session is over: until the next one

/** How an attempt ended: an answer of the server, or none. */
export interface Outcome {
  status?: number;
  errcode?: string;
  message?: string;
  retryAfterMs?: number | null;
}

export const UNKEPT = Infinity; // the number of an entry that is still being written down
export const ENTRIES_MAX = 1_000; // of one person in one browser
export const ROOMS_AT_ONCE_MAX = 2; // each sends one after the other
const SERVER_TRIES_MAX = 5; // of what makes the server fail: it may be the message itself
const AGAIN_MS = 1_000;
const AGAIN_MS_MAX = 30_000;
const WAIT_MS_MAX = 300_000; // however long the server asks for

export function verdict({ status, errcode, message, retryAfterMs }: Outcome, tries: number): Verdict {
  const backoff = Math.min(AGAIN_MS * 2 ** (tries - 1), AGAIN_MS_MAX);
  const afterMs = Math.min(retryAfterMs ?? backoff, WAIT_MS_MAX);
  if (status === undefined) return { then: "again", afterMs: backoff, everything: false };
  if (status === 429) return { then: "again", afterMs, everything: true };
  if (status === 401 && errcode === "M_USER_LOCKED") return { then: "again", afterMs: backoff, everything: false };
  if (status === 401) return { then: "rest" };
  if (status === 408 || (status >= 502 && status <= 504)) return { then: "again", afterMs, everything: false };
  if (status >= 500 && tries < SERVER_TRIES_MAX) return { then: "again", afterMs, everything: false };
  if (status >= 500) return { then: "fail", failure: "server", error: message };
  const failure = status === 413 || errcode === "M_TOO_LARGE" ? "too-large" : "refused";
  return { then: "fail", failure, error: message };
}

/** The entries to send now: the first that waits in each room where none is under way. */
export function nextUp(entries: readonly Entry[], heldRooms: ReadonlySet<string>): Entry[] {
  const busy = new Set(heldRooms);
  for (const entry of entries) if (entry.state === "sending") busy.add(entry.roomId);
  const free = ROOMS_AT_ONCE_MAX - entries.filter((entry) => entry.state === "sending").length;
  const next: Entry[] = [];
  for (const entry of entries) {
    if (next.length >= free) break;
    if (entry.state !== "waiting" || busy.has(entry.roomId)) continue;
    busy.add(entry.roomId);
    if (entry.number !== UNKEPT) next.push(entry);
  }
  return next;
}

/** An entry that was kept, as the next start of the page finds it. */
export function revived(entry: Entry, deviceId: string): Entry {
  if (entry.state === "failed") return entry;
  if (entry.deviceId !== deviceId) return { ...entry, state: "failed", failure: "unsure" };
  return { ...entry, state: "waiting" };
}

/** Content that belongs to a thread. `latest` is the event after which others, who know no threads, see it. */
export function threaded(content: IContent, threadId: string | undefined, latest: string): IContent {
  const about = content["m.relates_to"];
  if (!threadId || about?.rel_type) return content;
  const answered = about?.["m.in_reply_to"];
  const relation = {
    rel_type: "m.thread",
    event_id: threadId,
    is_falling_back: !answered,
    "m.in_reply_to": answered ?? { event_id: latest },
  };
  return { ...content, "m.relates_to": relation };
}

/** Random enough that no two messages of a device share one; short, and plain in an address. */
export function newTxnId(): string {
  const random = crypto.getRandomValues(new Uint8Array(12));
  return `m${Date.now().toString(36)}.${Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
