/**
 * Files that were chosen and are not sent yet, kept in the browser's database until they are: a reload, a crash or a
 * phone that puts the page away loses none. They lie there as they are, for encrypted rooms too, as messages do that wait
 * to be sent. Where the browser refuses, `addKept` says so and the page keeps them alone.
 */

import { type DBSchema, type IDBPDatabase, openDB } from "idb";

import type { Target, Voice } from "./uploads";
import type { Placing } from "./upload-content";

const NAME = "bongsu:uploads";
const VERSION = 1;

/** One upload as it is kept; its bytes lie apart, so that what is learnt of it later costs no second copy of them. */
export interface KeptUpload {
  id: string; // also the transaction id of its message
  userId: string;
  deviceId: string; // the server knows transaction ids per device
  composer: string;
  at: number; // ms since 1970, when it was chosen
  voice?: Voice;
  target?: Target; // once the person has sent it
  whole?: Placing; // what is at the server already
  still?: Placing;
}

interface Schema extends DBSchema {
  uploads: { key: string; value: KeptUpload; indexes: { userId: string } };
  files: { key: string; value: File };
}

let opened: Promise<IDBPDatabase<Schema>> | null = null;

/** Of one person, the first chosen first. */
export async function listKept(userId: string): Promise<(KeptUpload & { file: File })[]> {
  const kept = await tried(async (db) => {
    const read = db.transaction(["uploads", "files"]);
    const all = await read.objectStore("uploads").index("userId").getAll(userId);
    return await Promise.all(all.map(async (each) => ({ ...each, file: await read.objectStore("files").get(each.id) })));
  });
  const whole = (kept ?? []).filter((each): each is KeptUpload & { file: File } => each.file !== undefined);
  return whole.sort((a, b) => a.at - b.at);
}

/** Whether it is kept. */
export async function addKept(upload: KeptUpload, file: File): Promise<boolean> {
  const added = await tried(async (db) => {
    const change = db.transaction(["uploads", "files"], "readwrite");
    await Promise.all([change.objectStore("uploads").put(upload), change.objectStore("files").put(file, upload.id), change.done]);
    return true;
  });
  return added ?? false;
}

/** Whether what is known by now of one that is kept is kept too. */
export async function putKept(upload: KeptUpload): Promise<boolean> {
  return (await tried((db) => db.put("uploads", upload))) !== undefined;
}

export async function removeKept(ids: readonly string[]): Promise<void> {
  await tried(async (db) => {
    const change = db.transaction(["uploads", "files"], "readwrite");
    const stores = [change.objectStore("uploads"), change.objectStore("files")];
    await Promise.all([...ids.flatMap((id) => stores.map((store) => store.delete(id))), change.done]);
  });
}

/** At a sign-out by the person: nothing of what was chosen stays in this browser. */
export async function forgetKept(userId: string): Promise<void> {
  const ids = await tried((db) => db.getAllKeysFromIndex("uploads", "userId", userId));
  await removeKept(ids ?? []);
}

async function tried<T>(work: (db: IDBPDatabase<Schema>) => Promise<T>): Promise<T | undefined> {
  try {
    opened ??= open();
    return await work(await opened);
  } catch (error) {
    console.warn("files are not kept in this browser:", error); // full, forbidden, or a file that is gone
    opened = null;
    return undefined;
  }
}

function open(): Promise<IDBPDatabase<Schema>> {
  return openDB<Schema>(NAME, VERSION, {
    upgrade(db) {
      db.createObjectStore("uploads", { keyPath: "id" }).createIndex("userId", "userId");
      db.createObjectStore("files");
    },
    blocking: (_old, _next, event) => (event.target as IDBDatabase).close(), // a newer page wants to change it
    terminated: () => (opened = null),
  });
}
