/**
 * What was written and is not yet acknowledged: kept in the browser, sent in order, never doubled.
 *
 * The outbox owns the whole way of a message: the SDK's own echo and queue are not used for what people write. An entry
 * is shown at once (`pendingIn`), encrypted just before it goes, and leaves when its event comes back by sync. Its plain
 * text lies in the browser's database until then, as the texts of open rooms do: losing it would be worse.
 */

import { computed, effect } from "@preact/signals";
import { ClientEvent, HTTPError, MatrixError, MatrixEvent, type MatrixEvent as Event, Method, SyncState } from "matrix-js-sdk";
import type { CryptoBackend } from "matrix-js-sdk/lib/common-crypto/CryptoBackend";

import { matrix, onClient, started } from "./client";
import { CannotEncrypt, NoLongerEncrypted, readyToSend } from "./crypto-rooms";
import { Queue, Undeliverable } from "./outbox-queue";
import { type Draft, type Entry, type Outcome, type Pending, threaded } from "./outbox-rules";
import { BrowserStore } from "./outbox-store";
import { abortable } from "./pause";
import { way } from "./sites";
import { eventsOf } from "./timeline/open";

export { OutboxFull } from "./outbox-queue";
export type { Draft, Failure, Pending, State } from "./outbox-rules";

const SEND_MS_MAX = 20_000; // one attempt; the next is under the same transaction id
const READY_MS_MAX = 3_000; // then other rooms have their turn, and this one is tried again later
const NEVER_ENCRYPTED = new Set(["m.reaction", "m.room.redaction"]); // the spec has no place for it
const NONE: readonly Pending[] = [];

const queue = new Queue(new BrowserStore(), deliver, outcomeOf);
const pages = "BroadcastChannel" in globalThis ? new BroadcastChannel("bongsu.outbox") : null;

const byRoom = computed(() => {
  const rooms = new Map<string, Pending[]>();
  for (const entry of queue.entries.value) {
    const isHeld = entry.state === "sending" && way.value === "lost"; // by siteFetch, until a site answers
    const pending: Pending = isHeld ? { ...entry, state: "waiting" } : entry;
    const room = rooms.get(entry.roomId);
    if (room) room.push(pending);
    else rooms.set(entry.roomId, [pending]);
  }
  return rooms;
});

/** How many messages wait to be sent; those that failed do not wait. */
export const unsent = computed(
  () => queue.entries.value.filter(({ state }) => state === "waiting" || state === "sending").length,
);
/** Ms since 1970 until which the server wants nothing from this person. */
export const restUntil = queue.restUntil;

/** What is pending in a room, oldest first. Reads a signal. */
export function pendingIn(roomId: string): readonly Pending[] {
  return byRoom.value.get(roomId) ?? NONE;
}

/** Put into the outbox: resolves with the transaction id when it is kept. Given one, it is the same message however often. Throws OutboxFull. */
export async function send(draft: Draft, given?: string): Promise<string> {
  const room = matrix().getRoom(draft.roomId);
  const latest = eventsOf(draft.roomId, draft.threadId).findLast((event) => event.getId()?.startsWith("$"));
  const content = threaded(draft.content, draft.threadId, latest?.getId() ?? draft.threadId ?? "");
  const txnId = await queue.add({ ...draft, content }, room?.hasEncryptionStateEvent(), given);
  pages?.postMessage("added");
  return txnId;
}

/** Of one that failed. */
export function retry(txnId: string): Promise<void> {
  return queue.retry(txnId);
}

/** Of one that is not under way. */
export function discard(txnId: string): Promise<void> {
  return queue.discard(txnId);
}

/** At a sign-out by the person: nothing of what was written stays in this browser. */
export function forgetOutbox(userId: string): Promise<void> {
  return queue.forgetAll(userId);
}

onClient(async (client) => {
  const person = { userId: client.getUserId()!, deviceId: client.getDeviceId()! };
  const arrived = (event: Event) => {
    if (event.getSender() === person.userId) queue.arrived(event.getId(), event.getUnsigned().transaction_id);
  };
  client.on(ClientEvent.Event, arrived);
  client.on(ClientEvent.Sync, (state) => void (state === SyncState.Syncing && queue.synced()));
  await queue.start(person);
});

effect(() => {
  if (!started.value) queue.stop();
});
effect(() => {
  if (way.value === "well") queue.hurry();
});
pages?.addEventListener("message", () => void queue.reload());

async function deliver(entry: Entry): Promise<string> {
  const { roomId, txnId, redacts } = entry;
  await isReady(roomId);
  const { type, content } = await wire(entry);
  const parts = redacts ? ["redact", redacts, txnId] : ["send", type, txnId];
  const path = ["", "rooms", roomId, ...parts].map(encodeURIComponent).join("/");
  const answer = await matrix().http.authedRequest<{ event_id: string }>(Method.Put, path, undefined, content, {
    localTimeoutMs: SEND_MS_MAX,
  });
  return answer.event_id;
}

const readiness = new Map<string, Promise<void>>();

/** The room is known, and messages can go into it as it wants them. */
async function isReady(roomId: string): Promise<void> {
  let ready = readiness.get(roomId);
  if (!ready) {
    ready = readyToSend(roomId).finally(() => readiness.delete(roomId));
    readiness.set(roomId, ready);
    ready.catch(() => undefined); // whoever waits hears of it
  }
  try {
    await abortable(ready, AbortSignal.timeout(READY_MS_MAX));
  } catch (error) {
    if (error instanceof CannotEncrypt) throw new Undeliverable({ then: "fail", failure: "no-encryption" });
    if (error instanceof NoLongerEncrypted) throw new Undeliverable({ then: "fail", failure: "no-longer-encrypted" });
    throw error;
  }
}

/** Type and content as the server gets them. */
async function wire({ roomId, type, content, encrypted, userId, txnId }: Entry): Promise<Pick<Entry, "type" | "content">> {
  const client = matrix();
  const room = client.getRoom(roomId)!;
  const isEncrypted = room.hasEncryptionStateEvent();
  if (NEVER_ENCRYPTED.has(type)) return { type, content };
  // Under another type the server would take it for another message, and an earlier attempt may have arrived.
  if (encrypted !== undefined && encrypted !== isEncrypted) throw new Undeliverable({ then: "fail", failure: "unsure" });
  if (!isEncrypted) return { type, content };
  const event = new MatrixEvent({ type, content, room_id: roomId, sender: userId, event_id: `~${roomId}:${txnId}` });
  await (client.getCrypto() as unknown as CryptoBackend).encryptEvent(event, room);
  return { type: event.getWireType(), content: event.getWireContent() };
}

function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof HTTPError)) return {};
  const { errcode, message } = error instanceof MatrixError ? { errcode: error.errcode, message: error.data.error } : {};
  return { status: error.httpStatus, errcode, message, retryAfterMs: askedFor(error) };
}

/** Ms that the server wants to be left alone, if it says so in words that can be understood. */
function askedFor(error: HTTPError): number | null {
  try {
    const ms = error.getRetryAfterMs();
    return ms === null ? null : Math.max(ms, 0);
  } catch {
    return null;
  }
}
