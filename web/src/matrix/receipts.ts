/**
 * How far everybody has read, kept as it comes by; and the viewer's own receipts, sent when messages were seen.
 *
 * A receipt is sent for the newest message seen, soon but not for each, and never backwards; one that fails is sent again. With `privateReceipts`
 * the server keeps it to itself: others then see the viewer's messages-read as unread.
 */

import { effect, signal, type Signal } from "@preact/signals";
import { ClientEvent, HTTPError, type MatrixClient, type MatrixEvent, Method, RoomEvent } from "matrix-js-sdk";

import { keepText } from "../kept";
import { matrix, onClient, started } from "./client";
import { MAIN, type Receipt } from "./readers";

const SENT_AFTER_MS = 150; // messages seen meanwhile share one receipt
const RETRY_AFTER_MS = 5_000;
const TRIES_MAX = 20;
const KEPT_PRIVATE = "bongsu.private-receipts";

/** The person's choice not to tell others how far they have read. */
export const privateReceipts = signal(localStorage.getItem(KEPT_PRIVATE) === "yes");
effect(() => keepText(KEPT_PRIVATE, privateReceipts.value ? "yes" : "no"));

type ByScope = Map<string, Receipt>; // "" for a receipt of every scope
const rooms = new Map<string, Map<string, ByScope>>(); // by room, by person
const versions = new Map<string, Signal<number>>();

/** Goes up whenever somebody has read further in this room. */
export function receiptsVersion(roomId: string): Signal<number> {
  let version = versions.get(roomId);
  if (!version) versions.set(roomId, (version = signal(0)));
  return version;
}

export function* receiptsOf(roomId: string): Iterable<Receipt> {
  for (const byScope of rooms.get(roomId)?.values() ?? []) yield* byScope.values();
}

/** The event that a person has read up to in a scope: the later of the receipt for it and the one for all. */
export function readUpTo(roomId: string, userId: string, scope: string): Receipt | undefined {
  const byScope = rooms.get(roomId)?.get(userId);
  const [all, own] = [byScope?.get(""), byScope?.get(scope)];
  return all && own ? (own.at >= all.at ? own : all) : (own ?? all);
}

/** That the viewer has read so far, as it is told to the server. */
interface Mark {
  roomId: string;
  scope: string;
  eventId: string;
  at: number; // ms since 1970, of the event
}
const waiting = new Map<string, { mark: Mark; timer: number }>(); // by room and scope
const told = new Map<string, Mark>();

/** Whether what is seen now stands behind what was seen before; without a place to look at, by their times. */
export type IsBehind = (eventId: string) => boolean | undefined;

/** The viewer has this message before their eyes, the page visible. */
export function seen(roomId: string, event: MatrixEvent, scope = MAIN, isBehind: IsBehind = () => undefined): void {
  const eventId = event.getId();
  if (!eventId || event.status || document.visibilityState !== "visible") return;
  const before = waiting.get(keyOf(roomId, scope))?.mark ?? told.get(keyOf(roomId, scope));
  if (before && (before.eventId === eventId || !(isBehind(before.eventId) ?? event.getTs() > before.at))) return;
  if (readUpTo(roomId, matrix().getSafeUserId(), scope)?.eventId === eventId) return;
  later({ roomId, scope, eventId, at: event.getTs() }, SENT_AFTER_MS, 1);
}

function later(mark: Mark, ms: number, tries: number): void {
  const key = keyOf(mark.roomId, mark.scope);
  clearTimeout(waiting.get(key)?.timer);
  waiting.set(key, { mark, timer: window.setTimeout(() => void acknowledge(mark, tries), ms) });
}

async function acknowledge(mark: Mark, tries: number): Promise<void> {
  const key = keyOf(mark.roomId, mark.scope);
  waiting.delete(key);
  told.set(key, mark);
  try {
    await tell(mark);
  } catch (error) {
    if (told.get(key) !== mark || waiting.has(key) || !mayWorkLater(error)) return;
    if (tries < TRIES_MAX) later(mark, RETRY_AFTER_MS, tries + 1);
    else told.delete(key); // the next look tells it again
  }
}

async function tell({ roomId, scope, eventId }: Mark): Promise<void> {
  const kind = privateReceipts.peek() ? "m.read.private" : "m.read";
  const room = `/rooms/${encodeURIComponent(roomId)}`;
  const post = (path: string, body: object) => matrix().http.authedRequest(Method.Post, room + path, undefined, body);
  await post(`/receipt/${kind}/${encodeURIComponent(eventId)}`, { thread_id: scope });
  if (scope === MAIN) await post("/read_markers", { "m.fully_read": eventId });
}

/** Not what the server refuses, such as a room that has been left. */
function mayWorkLater(error: unknown): boolean {
  const status = error instanceof HTTPError ? (error.httpStatus ?? 0) : 0;
  return status === 429 || status < 400 || status >= 500;
}

function keyOf(roomId: string, scope: string): string {
  return `${roomId} ${scope}`;
}

function forget(): void {
  for (const { timer } of waiting.values()) clearTimeout(timer);
  waiting.clear();
  told.clear();
}

effect(() => {
  if (!started.value) forget();
});

function take(event: MatrixEvent, roomId: string, viewer: string): void {
  const people = rooms.get(roomId) ?? new Map<string, ByScope>();
  rooms.set(roomId, people);
  const content = event.getContent<Record<string, Record<string, Record<string, { ts?: number; thread_id?: string }>>>>();
  for (const [eventId, kinds] of Object.entries(content)) {
    for (const kind of ["m.read", "m.read.private"]) {
      for (const [userId, { ts, thread_id: scope }] of Object.entries(kinds[kind] ?? {})) {
        const byScope = people.get(userId) ?? new Map<string, Receipt>();
        people.set(userId, byScope);
        const known = byScope.get(scope ?? "");
        if (userId === viewer && known && known.at > (ts ?? 0)) continue; // of one's two, in private or not, the later counts
        byScope.set(scope ?? "", { userId, eventId, at: ts ?? 0, scope });
      }
    }
  }
  receiptsVersion(roomId).value++;
}

onClient((client: MatrixClient) => {
  rooms.clear();
  forget();
  // The SDK makes receipts up too, for every sender of any event. Those of the server are also emitted as events, but
  // don't say of which room.
  const of = new WeakMap<MatrixEvent, string>();
  client.on(RoomEvent.Receipt, (event, room) => void of.set(event, room.roomId));
  client.on(ClientEvent.Event, (event) => {
    const roomId = of.get(event);
    if (roomId !== undefined) take(event, roomId, client.getSafeUserId());
  });
  client.on(ClientEvent.DeleteRoom, (roomId) => {
    rooms.delete(roomId);
    versions.delete(roomId);
  });
});
