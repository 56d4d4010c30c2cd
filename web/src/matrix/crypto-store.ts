/**
 * Where the keys of a device are kept in this browser: a database of its own for each person and device, deleted when
 * that device is signed out; and the mark that says that a device has keys at all.
 */

import { keepText } from "../kept";
import type { Session } from "./session";

const PREFIX = "bongsu-crypto:";
const MARK = "bongsu.crypto:"; // in localStorage, with the name of the device; its value is the device's fingerprint
const SUFFIXES = ["::matrix-sdk-crypto", "::matrix-sdk-crypto-meta"];

type Device = Pick<Session, "userId" | "deviceId">;

/** The prefix of the database names, as the SDK wants it. */
export function storePrefix({ userId, deviceId }: Device): string {
  return `${PREFIX}${userId}:${deviceId}`;
}

/** This device has published keys: what is sent to it must not pass by unread. */
export function hasKeys(device: Device): boolean {
  return localStorage.getItem(markOf(device)) !== null;
}

export function markKeys(device: Device, fingerprint: string): void {
  keepText(markOf(device), fingerprint);
}

/** Whether the browser still has the database; undefined where it does not tell. */
export async function isStored(device: Device): Promise<boolean | undefined> {
  const names = await databaseNames();
  return names?.includes(storePrefix(device) + SUFFIXES[0]);
}

/** Delete what devices other than `keep` have left here: signed out elsewhere, or a deletion that was cut short. */
export async function sweepStores(keep: Device | null): Promise<void> {
  const kept = keep ? SUFFIXES.map((suffix) => storePrefix(keep) + suffix) : [];
  for (const name of (await databaseNames()) ?? []) {
    if (name.startsWith(PREFIX) && !kept.includes(name)) indexedDB.deleteDatabase(name);
  }
  const mark = keep ? markOf(keep) : "";
  for (const key of Object.keys(localStorage)) {
    if (key.startsWith(MARK) && key !== mark) localStorage.removeItem(key);
  }
}

function markOf({ userId, deviceId }: Device): string {
  return `${MARK}${userId}:${deviceId}`;
}

async function databaseNames(): Promise<string[] | undefined> {
  try {
    return (await indexedDB.databases()).flatMap(({ name }) => name ?? []);
  } catch {
    return undefined; // an old browser, or a private window
  }
}
