/**
 * End-to-end encryption of this device, as signals; and the coming of its engine.
 *
 * The engine is never part of the first load. It is fetched for everybody who is signed in, for others can only encrypt
 * to a device whose keys are published: after the first paint where the device has no keys yet, and at once where it
 * has (see crypto-late.ts). `encryption` says what is so now; views read nothing else.
 */

import { signal } from "@preact/signals";
import { ClientEvent, HTTPError, type MatrixClient, SyncState } from "matrix-js-sdk";
import { type CryptoApi, CryptoEvent } from "matrix-js-sdk/lib/crypto-api";
import type { SyncCryptoCallbacks } from "matrix-js-sdk/lib/common-crypto/CryptoBackend";

import { matrix, onClient } from "./client";
import { LateCryptoClient } from "./crypto-late";
import { hasKeys, isStored, markKeys, storePrefix, sweepStores } from "./crypto-store";
import { type Session, session } from "./session";
import { elsewhere } from "./tab";

export type Phase =
  | "off" // nobody is signed in
  | "loading"
  | "ready"
  | "failed" // it did not start: loading the page again may help
  | "unsupported" // this browser runs no WebAssembly
  | "insecure" // browsers give cryptography to https and this machine's own address only
  | "lost"; // the browser threw the keys of this device away

export interface Encryption {
  phase: Phase;
  identity: "unknown" | "none" | "published"; // of the person, which signs devices
  verified: boolean; // this device is signed by it
  backup: "unknown" | "off" | "on"; // keys of messages go to the server's backup from here
  recovery: "unknown" | "none" | "made"; // a recovery key, which opens the identity and the backup
}

const UNKNOWN: Encryption = { phase: "off", identity: "unknown", verified: false, backup: "unknown", recovery: "unknown" };
const FIRST_WAIT_MS = 1_000;
const WAIT_MS_MAX = 60_000;
const IDLE_MS_MAX = 2_000;

export const encryption = signal<Encryption>(UNKNOWN);
let present: MatrixClient | null = null; // an engine for any other client must not start, or stop: two would spoil the keys

/** The engine; only what is shown when the phase is "ready" asks. */
export function crypto(): CryptoApi {
  const engine = matrix().getCrypto();
  if (!engine) throw new Error("the engine of encryption is not there yet");
  return engine;
}

onClient((client) => {
  const who = session.peek();
  if (!who || !(client instanceof LateCryptoClient)) return;
  present = client;
  encryption.value = { ...UNKNOWN, phase: "loading" };
  void sweepStores(who);
  if (!isSecureContext) return end(client, "insecure");
  if (typeof WebAssembly === "undefined") return end(client, "unsupported");
  if (hasKeys(who)) {
    client.lateCrypto.hold();
    void load(client, who);
  } else {
    client.on(ClientEvent.Sync, function painted(state) {
      if (state !== SyncState.Prepared && state !== SyncState.Syncing) return;
      client.off(ClientEvent.Sync, painted);
      idle(() => void load(client, who));
    });
  }
});

session.subscribe((now) => {
  if (now) return;
  present = null;
  encryption.value = UNKNOWN;
});

async function load(client: LateCryptoClient, who: Session): Promise<void> {
  const { fetchEngine } = await untilReached(() => import("./crypto-engine"));
  await untilReached(fetchEngine);
  if (await isLost(client, who)) return end(client, "lost");
  if (isOver(client)) return;
  try {
    await client.initRustCrypto({ cryptoDatabasePrefix: storePrefix(who) });
  } catch (error) {
    console.error("encryption did not start:", error);
    return end(client, "failed");
  }
  if (isOver(client)) return client.stopClient(); // it is to let go of the database
  const engine = client.getCrypto()!;
  follow(client, who, engine);
  markKeys(who, (await engine.getOwnDeviceKeys()).ed25519);
  await client.lateCrypto.arrive(engine as unknown as SyncCryptoCallbacks);
  encryption.value = { ...encryption.peek(), phase: "ready" };
  void readWhatCame(client);
  const { settle } = await untilReached(() => import("./crypto-identity"));
  await untilReached(() => settle(client, engine), isRefusal).catch((error) => console.warn("encryption is not set up:", error));
  await look(client, who, engine);
}

/** Messages that came before the engine, a room at a time. */
async function readWhatCame(client: MatrixClient): Promise<void> {
  for (const room of client.getRooms()) {
    if (room.hasEncryptionStateEvent() && !isOver(client)) await room.decryptAllEvents();
  }
}

/** Signed out, or this browser goes on in another tab. */
function isOver(client: MatrixClient): boolean {
  return present !== client || elsewhere.peek() || !session.peek();
}

/** A device that the server knows keys of, while the browser has none: they cannot be made again. */
async function isLost(client: MatrixClient, who: Session): Promise<boolean> {
  if ((await isStored(who)) !== false) return false;
  const known = await untilReached(() => client.downloadKeysForUsers([who.userId]));
  return who.deviceId in (known.device_keys[who.userId] ?? {});
}

/** Without the engine from now on. What waits for it goes on, but for "failed": keys sent meanwhile would be lost. */
function end(client: LateCryptoClient, phase: Phase): void {
  if (isOver(client)) return;
  encryption.value = { ...UNKNOWN, phase };
  if (phase !== "failed") client.lateCrypto.giveUp();
}

/** Look again whenever the engine says that something changed; one look at a time. */
function follow(client: MatrixClient, who: Session, engine: CryptoApi): void {
  let looking = false;
  let again = false;
  const changed = async () => {
    again = true;
    if (looking) return;
    looking = true;
    while (again) {
      again = false;
      await look(client, who, engine).catch((error) => console.warn("encryption cannot be looked at:", error));
    }
    looking = false;
  };
  client.on(CryptoEvent.KeysChanged, changed);
  client.on(CryptoEvent.KeyBackupStatus, changed);
  client.on(CryptoEvent.KeyBackupDecryptionKeyCached, changed);
  client.on(CryptoEvent.UserTrustStatusChanged, (userId) => void (userId === who.userId && changed()));
  client.on(CryptoEvent.DevicesUpdated, (users) => void (users.includes(who.userId) && changed()));
  client.on(ClientEvent.AccountData, (event) => void (event.getType().startsWith("m.secret_storage.") && changed()));
}

async function look(client: MatrixClient, who: Session, engine: CryptoApi): Promise<void> {
  const { publicKeysOnDevice, privateKeysCachedLocally: own } = await engine.getCrossSigningStatus();
  const device = await engine.getDeviceVerificationStatus(who.userId, who.deviceId);
  const backup = await engine.getActiveSessionBackupVersion();
  const recovery = await client.secretStorage.getDefaultKeyId();
  if (isOver(client)) return;
  encryption.value = {
    phase: "ready",
    identity: publicKeysOnDevice ? "published" : "none",
    verified: own.selfSigningKey || (device?.crossSigningVerified ?? false), // its signature may be on the way yet
    backup: backup ? "on" : "off",
    recovery: recovery ? "made" : "none",
  };
}

/** The server has answered, and will not answer otherwise. */
function isRefusal(error: unknown): boolean {
  const status = error instanceof HTTPError ? (error.httpStatus ?? 0) : 0;
  return status >= 400 && status < 500 && status !== 429;
}

/** Try until it is reached, less and less often: the server may be away for long. */
async function untilReached<T>(work: () => Promise<T>, isFinal = (_error: unknown) => false): Promise<T> {
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, WAIT_MS_MAX)) {
    try {
      return await work();
    } catch (error) {
      if (isFinal(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, wait));
      if (!session.peek()) await new Promise(() => undefined); // signed out: never
    }
  }
}

function idle(work: () => void): void {
  if ("requestIdleCallback" in window) requestIdleCallback(work, { timeout: IDLE_MS_MAX });
  else setTimeout(work, IDLE_MS_MAX);
}
