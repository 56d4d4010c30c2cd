/**
 * Files on their way into rooms: chosen (staged), then sent one after the other in each composer; each may be
 * cancelled or tried again, from where it stood. They go on while the person looks at another room, and after a reload:
 * up to KEPT_BYTES_MAX they are kept in the browser until the outbox has their message, under one transaction id.
 */

import { effect, signal } from "@preact/signals";

import { matrix, onClient, started } from "./client";
import type { Mention } from "./mentions";
import { OutboxFull, send } from "./outbox";
import { newTxnId } from "./outbox-rules";
import { way } from "./sites";
import { type Making, uploadedContent } from "./upload-content";
import { type Failure, largestUpload, UploadFailed } from "./upload-request";
import { addKept, forgetKept, type KeptUpload, listKept, putKept, removeKept } from "./uploads-store";

const UPLOADS_MAX = 50; // waiting in one composer
const KEPT_BYTES_MAX = 256 * 1024 ** 2; // of one person in one browser; beyond it a reload asks first

export interface Voice {
  duration: number; // ms
  waveform: number[]; // 0 to 1024
}

export interface Upload {
  readonly id: string;
  readonly composer: string;
  readonly file: File;
  readonly voice?: Voice;
  readonly caption?: string; // as it was typed
  readonly state: "staged" | "queued" | "sending" | "failed";
  readonly sent: number; // bytes
  readonly isWaiting?: boolean; // the server is busy and has asked for patience
  readonly isKept: boolean; // outlives a reload
  readonly failed?: Failure;
}

/** Text as it was typed. */
export interface Written {
  text: string;
  mentions: readonly Mention[]; // those chosen from the list; the text may have lost some since
}

export interface Target {
  roomId: string;
  threadId?: string;
  encrypted?: boolean; // whether the room was, when it was sent
  said: Record<string, unknown>; // content beside the file's own: caption, mentions, what is answered
  written?: Written; // the caption, to be put back if the file is taken away
}

interface Work extends Making {
  abort: AbortController;
  at: number;
  target?: Target;
  keeping: Promise<boolean>;
  keptBytes: number;
  left?: () => void; // it is the outbox's, or was taken away
}

export const uploads = signal<readonly Upload[]>([]);
/** The largest file the server takes; null while unknown. */
export const bytesMax = signal<number | null>(null);

const works = new Map<string, Work>();
const tails = new Map<string, Promise<void>>();
let person = { userId: "", deviceId: "" };

onClient(async (client) => {
  const before = person;
  person = { userId: client.getSafeUserId(), deviceId: client.getDeviceId()! };
  bytesMax.value = null;
  if (before.userId !== person.userId) for (const { id } of uploads.peek()) drop(id);
  await takeUp();
});
effect(() => {
  if (!started.value) rest();
});
/** What only the connection kept back goes on when it is there again. */
effect(() => {
  if (way.value !== "well" || !started.value) return;
  for (const { id, failed } of uploads.peek()) if (failed === "unreachable") retry(id);
});
addEventListener("beforeunload", (event) => {
  if (uploads.peek().some(({ isKept, failed }) => !isKept && failed !== "too-large")) event.preventDefault();
});

/** Put into the composer. What is known to be too large says so before anything is sent. */
export function stage(composer: string, files: readonly File[], voice?: Voice): { ids: string[]; left: number } {
  const room = UPLOADS_MAX - uploads.peek().filter((each) => each.composer === composer).length;
  const taken = files.slice(0, Math.max(0, room));
  const now = Date.now();
  const ids = taken.map((file, index) => {
    const id = newTxnId();
    const at = now + index / UPLOADS_MAX; // in their order after a reload too
    add({ id, composer, file, sent: 0, state: "staged", isKept: false, ...(voice ? { voice } : {}) }, { at });
    keep(id);
    return id;
  });
  sizeUp();
  return { ids, left: files.length - taken.length };
}

/** Send what is staged in a composer: all of it, or `ids`. Resolves when no reload can lose it any more. */
export async function sendStaged(composer: string, target: Target, ids?: readonly string[]): Promise<void> {
  const room = matrix().getRoom(target.roomId);
  const staged = uploads.peek().filter((each) => each.composer === composer && each.state === "staged");
  const going = staged.filter(({ id }) => !ids || ids.includes(id));
  await Promise.all(going.map(({ id }) => {
    works.get(id)!.target = { ...target, encrypted: Boolean(room?.hasEncryptionStateEvent()) };
    change(id, { caption: target.written?.text });
    const safe = safely(id);
    queue(id);
    return safe;
  }));
}

export function retry(id: string): void {
  const work = works.get(id);
  if (!work?.target) return change(id, { state: "staged", failed: undefined });
  work.abort = new AbortController();
  queue(id);
}

/** Take it away. Gives the caption that was to go with it. */
export function cancel(id: string): Written | undefined {
  const written = works.get(id)?.target?.written;
  drop(id);
  void removeKept([id]);
  return written;
}

/** At a sign-out by the person: nothing of what was chosen stays in this browser. */
export async function forgetUploads(userId: string): Promise<void> {
  for (const { id } of uploads.peek()) drop(id);
  await forgetKept(userId);
}

function add(upload: Upload, known: Pick<Work, "at"> & Partial<Work>): void {
  const work = { abort: new AbortController(), whole: {}, still: {}, keeping: Promise.resolve(false), keptBytes: 0 };
  works.set(upload.id, { ...work, ...known });
  uploads.value = [...uploads.peek(), upload];
}

function drop(id: string): void {
  const work = works.get(id);
  works.delete(id);
  work?.abort.abort();
  work?.left?.();
  uploads.value = uploads.peek().filter((each) => each.id !== id);
}

function keep(id: string): void {
  const [{ file }, work] = [find(id)!, works.get(id)!];
  const bytes = [...works.values()].reduce((sum, each) => sum + each.keptBytes, 0);
  if (bytes + file.size > KEPT_BYTES_MAX) return;
  work.keptBytes = file.size;
  work.keeping = addKept(noted(id)!, file).then((isKept) => {
    if (!isKept) work.keptBytes = 0;
    change(id, { isKept });
    return isKept;
  });
}

/** Kept with all that is known by now; or, where nothing is kept, gone to the outbox. */
async function safely(id: string): Promise<void> {
  const work = works.get(id)!;
  if ((await work.keeping) && (await putNoted(id))) return;
  if (works.has(id)) await new Promise<void>((left) => (work.left = left));
}

/** Whether it is kept as it is now. */
async function putNoted(id: string): Promise<boolean> {
  const now = noted(id);
  return now !== null && find(id)!.isKept && (await putKept(now));
}

function noted(id: string): KeptUpload | null {
  const [each, work] = [find(id), works.get(id)];
  if (!each || !work) return null;
  const { composer, voice } = each;
  const done = ({ mxc, done, encrypted }: Making["whole"]) => (done ? { mxc, done, encrypted } : undefined);
  return { id, ...person, composer, at: work.at, voice, target: work.target, whole: done(work.whole), still: done(work.still) };
}

/** What the last page left. Sent on another session it may have arrived: then it is for the person to say. */
async function takeUp(): Promise<void> {
  const now = person;
  const kept = await listKept(now.userId);
  if (person !== now) return;
  for (const { file, ...each } of kept) {
    if (find(each.id)) continue;
    const { at, composer, voice, target, whole = {}, still = {} } = each;
    const isOurs = each.deviceId === now.deviceId;
    const id = isOurs ? each.id : newTxnId();
    const upload = { id, composer, file, sent: 0, state: "staged" as const, isKept: isOurs, ...(voice ? { voice } : {}) };
    if (isOurs) add({ ...upload, caption: target?.written?.text }, { at, target, whole, still, keeping: Promise.resolve(true), keptBytes: file.size });
    else add(upload, { at });
    if (!isOurs) {
      keep(id);
      void removeKept([each.id]);
    } else if (target) queue(id);
  }
  if (uploads.peek().length) sizeUp();
}

/** The client has stopped: what is kept is taken up by the next one, in whichever tab; the rest waits here. */
function rest(): void {
  for (const { id, isKept, state } of uploads.peek()) {
    works.get(id)?.abort.abort();
    if (isKept) drop(id);
    else if (state !== "staged") change(id, { state: "failed", failed: "unreachable" });
  }
}

function sizeUp(): void {
  if (bytesMax.peek() !== null) return refuseTooLarge();
  void largestUpload().then((bytes) => {
    bytesMax.value = bytes;
    refuseTooLarge();
  });
}

function refuseTooLarge(): void {
  const max = bytesMax.peek() ?? Infinity;
  for (const { id, file, state } of uploads.peek()) {
    if (state !== "staged" || file.size <= max) continue;
    change(id, { state: "failed", failed: "too-large", isKept: false });
    works.get(id)!.keptBytes = 0;
    void removeKept([id]);
  }
}

function queue(id: string): void {
  const { composer } = find(id)!;
  change(id, { state: "queued", failed: undefined, sent: 0 });
  tails.set(composer, (tails.get(composer) ?? Promise.resolve()).then(() => run(id)));
}

async function run(id: string): Promise<void> {
  const [each, work] = [find(id), works.get(id)];
  if (each?.state !== "queued" || !work?.target) return;
  const { file, voice } = each;
  const { target, abort } = work;
  change(id, { state: "sending" });
  const watch = {
    signal: abort.signal,
    onSent: (sent: number) => change(id, { sent: Math.min(sent, file.size) }),
    onWaiting: (isWaiting: boolean) => change(id, { isWaiting }),
  };
  try {
    const content = await uploadedContent({ file, voice, target }, work, watch);
    await putNoted(id);
    const { roomId, threadId } = target;
    await send({ roomId, ...(threadId ? { threadId } : {}), type: "m.room.message", content }, id);
    cancel(id); // from here on it is the outbox's
  } catch (error) {
    const why = error instanceof UploadFailed ? error.why : error instanceof OutboxFull ? "full" : "unreadable";
    if (!abort.signal.aborted) change(id, { state: "failed", failed: why });
  }
}

function find(id: string): Upload | undefined {
  return uploads.peek().find((each) => each.id === id);
}

function change(id: string, to: Partial<Upload>): void {
  uploads.value = uploads.peek().map((each) => (each.id === id ? { ...each, ...to } : each));
}
