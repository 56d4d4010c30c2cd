/**
 * How far everybody has read, kept as it comes by; and the viewer's own receipts, sent when messages were seen.
 *
 * A receipt is sent for the newest message seen, soon but not for each, and never backwards. With `privateReceipts`
 * the server keeps it to itself: others then see the viewer's messages-read as unread.
 */

import { effect, signal, type Signal } from "@preact/signals";
import { ClientEvent, type MatrixClient, type MatrixEvent, Method, RoomEvent } from "matrix-js-sdk";

import { matrix, onClient } from "./client";
import { MAIN, type Receipt } from "./readers";

const SENT_AFTER_MS = 150; // messages seen meanwhile share one receipt
const RETRY_AFTER_MS = 5_000;
const KEPT_PRIVATE = "bongsu.private-receipts";

/** The person's choice not to tell others how far they have read. */
export const privateReceipts = signal(localStorage.getItem(KEPT_PRIVATE) === "yes");
effect(() => localStorage.setItem(KEPT_PRIVATE, privateReceipts.value ? "yes" : "no"));

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

interface Pending {
  eventId: string;
  at: number;
  timer: number;
}
const pending = new Map<string, Pending>(); // by room and scope
const furthest = new Map<string, number>(); // time of the newest event acknowledged, by room and scope

/** The viewer has this message before their eyes, the page visible. */
export function seen(roomId: string, event: MatrixEvent, scope = MAIN): void {
  const id = event.getId();
  if (!id || event.status || document.visibilityState !== "visible") return;
  const key = `${roomId} ${scope}`;
  const waiting = pending.get(key);
  if (event.getTs() <= Math.max(furthest.get(key) ?? 0, waiting?.at ?? 0)) return;
  if (readUpTo(roomId, matrix().getSafeUserId(), scope)?.eventId === id) return;
  if (waiting) clearTimeout(waiting.timer);
  const timer = window.setTimeout(() => void acknowledge(key, roomId, id, event.getTs(), scope), SENT_AFTER_MS);
  pending.set(key, { eventId: id, at: event.getTs(), timer });
}

async function acknowledge(key: string, roomId: string, eventId: string, at: number, scope: string): Promise<void> {
  pending.delete(key);
  furthest.set(key, at);
  const kind = privateReceipts.value ? "m.read.private" : "m.read";
  const room = `/rooms/${encodeURIComponent(roomId)}`;
  const post = (path: string, body: object) => matrix().http.authedRequest(Method.Post, room + path, undefined, body);
  try {
    await post(`/receipt/${kind}/${encodeURIComponent(eventId)}`, { thread_id: scope });
    if (scope === MAIN) await post("/read_markers", { "m.fully_read": eventId });
  } catch {
    if (furthest.get(key) !== at) return; // a later one is on its way
    window.setTimeout(() => {
      if (furthest.get(key) === at) furthest.delete(key); // the next look sends it again
    }, RETRY_AFTER_MS);
  }
}

function take(event: MatrixEvent, roomId: string): void {
  const people = rooms.get(roomId) ?? new Map<string, ByScope>();
  rooms.set(roomId, people);
  const content = event.getContent<Record<string, Record<string, Record<string, { ts?: number; thread_id?: string }>>>>();
  for (const [eventId, kinds] of Object.entries(content)) {
    for (const kind of ["m.read", "m.read.private"]) {
      for (const [userId, { ts, thread_id: scope }] of Object.entries(kinds[kind] ?? {})) {
        const byScope = people.get(userId) ?? new Map<string, Receipt>();
        people.set(userId, byScope);
        const known = byScope.get(scope ?? "");
        if (known && kind === "m.read.private" && known.at > (ts ?? 0)) continue; // of one's two the later counts
        byScope.set(scope ?? "", { userId, eventId, at: ts ?? 0, scope });
      }
    }
  }
  receiptsVersion(roomId).value++;
}

onClient((client: MatrixClient) => {
  rooms.clear();
  furthest.clear();
  for (const { timer } of pending.values()) clearTimeout(timer);
  pending.clear();
  // The SDK makes receipts up too, for every sender of any event. Those of the server are also emitted as events, but
  // don't say of which room.
  const of = new WeakMap<MatrixEvent, string>();
  client.on(RoomEvent.Receipt, (event, room) => void of.set(event, room.roomId));
  client.on(ClientEvent.Event, (event) => {
    const roomId = of.get(event);
    if (roomId !== undefined) take(event, roomId);
  });
  client.on(ClientEvent.DeleteRoom, (roomId) => {
    rooms.delete(roomId);
    versions.delete(roomId);
  });
});
