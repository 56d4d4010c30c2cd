/**
 * Files on their way into rooms: chosen (staged), then sent one after the other in each composer; each may be
 * cancelled or tried again, from where it stood. They go on while the person looks at another room.
 */

import { effect, signal } from "@preact/signals";

import { canEncrypt, encryptAttachment, type EncryptedFile } from "./attachments";
import { fileContent, type Placed } from "./file-content";
import { matrix, onClient } from "./client";
import { OutboxFull, send } from "./outbox";
import { type Nature, probe } from "./probe";
import { way } from "./sites";
import { type Failure, largestUpload, type Ticket, upload, UploadFailed } from "./upload-request";

const UPLOADS_MAX = 50; // waiting in one composer

export interface Voice {
  duration: number; // ms
  waveform: number[]; // 0 to 1024
}

export interface Upload {
  readonly id: number;
  readonly composer: string;
  readonly file: File;
  readonly voice?: Voice;
  readonly state: "staged" | "queued" | "sending" | "failed";
  readonly sent: number; // bytes
  readonly failed?: Failure;
}

export interface Target {
  roomId: string;
  threadId?: string;
  relation: Record<string, unknown>; // m.relates_to, as the composer stood
}

/** What is known of an upload and need not be found out again when it is tried once more. */
interface Work {
  abort: AbortController;
  target?: Target;
  nature?: Nature;
  whole: Ticket & Sealed;
  still: Ticket & Sealed;
}
interface Sealed {
  encrypted?: Omit<EncryptedFile, "url">;
  bytes?: Blob;
}

export const uploads = signal<readonly Upload[]>([]);
/** The largest file the server takes; null while unknown. */
export const bytesMax = signal<number | null>(null);

const works = new Map<number, Work>();
const tails = new Map<string, Promise<void>>();
let lastId = 0;

let owner = "";
onClient((client) => {
  if (client.getUserId() !== owner) for (const { id } of uploads.peek()) cancel(id);
  owner = client.getSafeUserId();
  bytesMax.value = null;
});
/** What only the connection kept back goes on when it is there again. */
effect(() => {
  if (way.value !== "well") return;
  for (const { id, failed } of uploads.peek()) if (failed === "unreachable") retry(id);
});
addEventListener("beforeunload", (event) => {
  if (uploads.peek().length) event.preventDefault();
});

/** Put into the composer. What is known to be too large says so before anything is sent. */
export function stage(composer: string, files: readonly File[], voice?: Voice): { ids: number[]; left: number } {
  const room = UPLOADS_MAX - uploads.peek().filter((each) => each.composer === composer).length;
  const taken = files.slice(0, Math.max(0, room)).map((file): Upload => {
    return { id: ++lastId, composer, file, sent: 0, state: "staged", ...(voice ? { voice } : {}) };
  });
  for (const { id } of taken) works.set(id, { abort: new AbortController(), whole: {}, still: {} });
  uploads.value = [...uploads.peek(), ...taken];
  if (bytesMax.peek() === null) void largestUpload().then(learn);
  else refuseTooLarge();
  return { ids: taken.map(({ id }) => id), left: files.length - taken.length };
}

function learn(bytes: number | null): void {
  bytesMax.value = bytes;
  refuseTooLarge();
}

function refuseTooLarge(): void {
  const max = bytesMax.peek() ?? Infinity;
  for (const { id, file, state } of uploads.peek()) {
    if (state === "staged" && file.size > max) change(id, { state: "failed", failed: "too-large" });
  }
}

/** Send what is staged in a composer: all of it, or `ids`. */
export function sendStaged(composer: string, target: Target, ids?: readonly number[]): void {
  for (const each of uploads.peek()) {
    if (each.composer !== composer || each.state !== "staged" || (ids && !ids.includes(each.id))) continue;
    works.get(each.id)!.target = target;
    queue(each.id);
  }
}

export function retry(id: number): void {
  const work = works.get(id);
  if (!work?.target) return change(id, { state: "staged", failed: undefined });
  work.abort = new AbortController();
  queue(id);
}

export function cancel(id: number): void {
  works.get(id)?.abort.abort();
  works.delete(id);
  uploads.value = uploads.peek().filter((each) => each.id !== id);
}

function queue(id: number): void {
  const { composer } = uploads.peek().find((each) => each.id === id)!;
  change(id, { state: "queued", failed: undefined, sent: 0 });
  tails.set(composer, (tails.get(composer) ?? Promise.resolve()).then(() => run(id)));
}

async function run(id: number): Promise<void> {
  const [each, work] = [uploads.peek().find((one) => one.id === id), works.get(id)];
  if (!each || !work?.target) return;
  change(id, { state: "sending" });
  try {
    const content = await uploaded(each, work, work.target);
    const { roomId, threadId } = work.target;
    await send({ roomId, ...(threadId ? { threadId } : {}), type: "m.room.message", content });
    cancel(id); // from here on it is the outbox's
  } catch (error) {
    const why = error instanceof UploadFailed ? error.why : error instanceof OutboxFull ? "full" : "unreadable";
    if (why !== "cancelled") change(id, { state: "failed", failed: why });
  }
}

async function uploaded({ id, file, voice }: Upload, work: Work, target: Target) {
  const isEncrypted = Boolean(matrix().getRoom(target.roomId)?.hasEncryptionStateEvent());
  if (isEncrypted && !canEncrypt()) throw new UploadFailed("insecure");
  await file.slice(0, 1).arrayBuffer(); // a folder, or gone since: throws
  work.nature ??= voice ? { kind: "audio", duration: voice.duration } : await probe(file, isEncrypted);
  const still = "still" in work.nature ? work.nature.still : undefined;
  const watch = { signal: work.abort.signal, onSent: (sent: number) => change(id, { sent: Math.min(sent, file.size) }) };
  const quietly = { ...watch, onSent: () => undefined };
  const placedStill = still && (await placed(still.blob, null, work.still, isEncrypted, quietly));
  const whole = await placed(file, file.name, work.whole, isEncrypted, watch);
  return { ...fileContent(file, work.nature, whole, placedStill, voice), ...target.relation };
}

async function placed(
  blob: Blob, name: string | null, ticket: Ticket & Sealed, isEncrypted: boolean, watch: Parameters<typeof upload>[3],
): Promise<Placed> {
  if (!isEncrypted) return { url: await upload(blob, name, ticket, watch) };
  if (!ticket.bytes) {
    delete ticket.mxc; // of a try before the room was encrypted
    delete ticket.done;
    const { bytes, file } = await encryptAttachment(await blob.arrayBuffer());
    ticket.bytes = new Blob([bytes], { type: "application/octet-stream" });
    ticket.encrypted = file;
  }
  return { file: { ...ticket.encrypted!, url: await upload(ticket.bytes, null, ticket, watch) } };
}

function change(id: number, to: Partial<Upload>): void {
  uploads.value = uploads.peek().map((each) => (each.id === id ? { ...each, ...to } : each));
}
