/**
 * The identity of a person (the keys that sign their devices), the backup of message keys, and the recovery key that
 * opens both on a new device.
 *
 * A first device makes identity and backup by itself, asking nobody. The recovery key needs the person: it is shown, and
 * only once they have it in hand does `keepRecoveryKey` make it valid.
 */

import { ConnectionError, HTTPError, type MatrixClient } from "matrix-js-sdk";
import { type CryptoApi, type GeneratedSecretStorageKey } from "matrix-js-sdk/lib/crypto-api";
import { deriveRecoveryKeyFromPassphrase } from "matrix-js-sdk/lib/crypto-api/key-passphrase";
import { decodeRecoveryKey } from "matrix-js-sdk/lib/crypto-api/recovery-key";

import { matrix } from "./client";
import { crypto } from "./crypto";
import { withSecretKey } from "./crypto-secrets";

const PHRASE_LETTERS_MAX = 4_096;
const ITERATIONS_MAX = 10_000_000; // of PBKDF2: some seconds. What the account's data asks for is anybody's word
const SECRETS = ["m.cross_signing.master", "m.cross_signing.self_signing", "m.cross_signing.user_signing"] as const;

/** What was typed is not the recovery key of this account. */
export class WrongRecoveryKey extends Error {}

/** It is the recovery key, but what it opens is not the identity of now: made by another app, or before a reset. */
export class StaleRecoveryKey extends Error {}

/** This device cannot make a recovery key yet: what it would have to open has not come here from the others. */
export class SecretsMissing extends Error {}

/** Make what a first device can make alone; what exists already is left as it is. To be tried again where it broke off. */
export async function settle(client: MatrixClient, engine: CryptoApi): Promise<void> {
  const me = client.getSafeUserId();
  if (await engine.userHasCrossSigningKeys(me, true)) {
    await signThisDevice(client, engine);
  } else if (!(await client.secretStorage.hasKey())) {
    // The first keys of a person need no password; later ones do, and are made only when asked for. Those of an
    // attempt that did not reach the server are worth nothing: new ones.
    await engine.bootstrapCrossSigning({ setupNewCrossSigning: true, authUploadDeviceSigningKeys: (upload) => upload(null) });
  }
  const { privateKeysCachedLocally: has } = await engine.getCrossSigningStatus();
  if (has.masterKey && !(await engine.getKeyBackupInfo())) await engine.resetKeyBackup();
}

/** The identity is here, but its signature of this device has not come through: friends would be warned of it. */
async function signThisDevice(client: MatrixClient, engine: CryptoApi): Promise<void> {
  const { privateKeysCachedLocally: has } = await engine.getCrossSigningStatus();
  if (!has.selfSigningKey) return;
  const me = client.getSafeUserId();
  const device = client.getDeviceId()!;
  const status = await engine.getDeviceVerificationStatus(me, device);
  if (status && !status.signedByOwner) await engine.crossSignDevice(device);
}

/** Throws SecretsMissing: a key that opens nothing must not take the place of one that does. */
export async function newRecoveryKey(): Promise<GeneratedSecretStorageKey> {
  const { privateKeysCachedLocally: own } = await crypto().getCrossSigningStatus();
  const isWhole = own.masterKey && own.selfSigningKey && own.userSigningKey;
  const isBackupOpen = !(await crypto().getKeyBackupInfo()) || (await crypto().getSessionBackupPrivateKey());
  if (!isWhole || !isBackupOpen) throw new SecretsMissing();
  return crypto().createRecoveryKeyFromPassphrase();
}

/** The key becomes the one that opens everything; an older one stops to. Needs a verified device. */
export async function keepRecoveryKey(made: GeneratedSecretStorageKey): Promise<void> {
  const privateKey = made.privateKey.slice(); // the one in use is overwritten afterwards; a retry needs it
  await withSecretKey(null, async () => {
    await crypto().bootstrapSecretStorage({
      setupNewSecretStorage: true,
      setupNewKeyBackup: !(await crypto().getKeyBackupInfo()), // one that is there holds what cannot be made again
      createSecretStorageKey: async () => ({ ...made, privateKey }),
    });
  });
}

/**
 * Open identity and backup on this device with the recovery key, or the phrase another app made one from. Throws
 * WrongRecoveryKey and StaleRecoveryKey; after the latter earlier messages can be read all the same.
 */
export async function openWithRecoveryKey(typed: string): Promise<void> {
  const storage = matrix().secretStorage;
  const found = await storage.getKey();
  if (!found) throw new WrongRecoveryKey("there is no recovery key");
  const [id, about] = found;
  const key = await keyFrom(typed, (key) => storage.checkKey(key, about), about.passphrase);
  await withSecretKey({ id, key }, async () => {
    const isThere = await crypto().getKeyBackupInfo();
    if (isThere) await openBackup();
    await openIdentity();
    if (!isThere) await crypto().resetKeyBackup(); // under the identity, so it comes after it
  });
  await crypto().checkKeyBackupAndEnable();
}

/** A backup that the key does not open, or not any more, is no reason to leave the identity locked. */
async function openBackup(): Promise<void> {
  try {
    await crypto().loadSessionBackupPrivateKeyFromSecretStorage();
    await crypto().checkKeyBackupAndEnable();
  } catch (error) {
    if (isUnreached(error)) throw error;
    console.warn("the recovery key does not open the backup:", error);
  }
}

async function openIdentity(): Promise<void> {
  const stored = await Promise.all(SECRETS.map((name) => matrix().secretStorage.isStored(name)));
  // The SDK would make a new identity over the one there is, where it finds none to open.
  if (!stored.every(Boolean)) throw new StaleRecoveryKey();
  await crypto().userHasCrossSigningKeys(matrix().getSafeUserId(), true); // what is public must be here first
  try {
    await crypto().bootstrapCrossSigning({});
  } catch (error) {
    throw isUnreached(error) ? error : new StaleRecoveryKey(undefined, { cause: error });
  }
}

type Derivation = { salt: string; iterations: number; bits?: number };

async function keyFrom(typed: string, isRight: (key: Uint8Array<ArrayBuffer>) => Promise<boolean>, phrase?: Derivation) {
  const key = decoded(typed);
  if (key && (await isRight(key))) return key;
  // A phrase may look like anything. People add blanks and line ends to it when they paste.
  const isSane = phrase && phrase.iterations <= ITERATIONS_MAX && typed.length <= PHRASE_LETTERS_MAX;
  for (const each of isSane ? new Set([typed, typed.trim()]) : []) {
    const made = await derived(each, phrase!);
    if (await isRight(made)) return made;
  }
  throw new WrongRecoveryKey();
}

/** It may go well another time. */
function isUnreached(error: unknown): boolean {
  return error instanceof HTTPError || error instanceof ConnectionError;
}

/** A new identity, an empty backup, no recovery key: for who has neither key nor another device. */
export async function resetIdentity(password: string): Promise<void> {
  const auth = {
    type: "m.login.password",
    identifier: { type: "m.id.user", user: matrix().getSafeUserId() },
    password,
  };
  // The SDK throws the old backup away before it asks for the password. So ask first, by what changes nothing.
  await matrix().deleteMultipleDevices([], auth);
  await crypto().resetEncryption((upload) => upload(auth));
}

function decoded(typed: string): Uint8Array<ArrayBuffer> | null {
  try {
    return decodeRecoveryKey(typed.replace(/\s+/g, ""));
  } catch {
    return null;
  }
}

function derived(phrase: string, how: Derivation) {
  return deriveRecoveryKeyFromPassphrase(phrase, how.salt, how.iterations, how.bits);
}
