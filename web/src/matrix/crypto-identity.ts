/**
 * The identity of a person (the keys that sign their devices), the backup of message keys, and the recovery key that
 * opens both on a new device.
 *
 * A first device makes identity and backup by itself, asking nobody. The recovery key needs the person: it is shown, and
 * only once they have it in hand does `keepRecoveryKey` make it valid.
 */

import type { MatrixClient } from "matrix-js-sdk";
import { type CryptoApi, type GeneratedSecretStorageKey } from "matrix-js-sdk/lib/crypto-api";
import { deriveRecoveryKeyFromPassphrase } from "matrix-js-sdk/lib/crypto-api/key-passphrase";
import { decodeRecoveryKey } from "matrix-js-sdk/lib/crypto-api/recovery-key";

import { matrix } from "./client";
import { crypto } from "./crypto";
import { withSecretKey } from "./crypto-secrets";

/** What was typed is not the recovery key of this account. */
export class WrongRecoveryKey extends Error {}

/** Make what a first device can make alone; what exists already is left as it is. */
export async function settle(client: MatrixClient, engine: CryptoApi): Promise<void> {
  const me = client.getSafeUserId();
  if (!(await engine.userHasCrossSigningKeys(me, true)) && !(await client.secretStorage.hasKey())) {
    // The first keys of a person need no password; later ones do, and are made only when asked for.
    await engine.bootstrapCrossSigning({ authUploadDeviceSigningKeys: (upload) => upload(null) });
  }
  const { privateKeysCachedLocally: has } = await engine.getCrossSigningStatus();
  if (has.masterKey && !(await engine.getKeyBackupInfo())) await engine.resetKeyBackup();
}

export function newRecoveryKey(): Promise<GeneratedSecretStorageKey> {
  return crypto().createRecoveryKeyFromPassphrase();
}

/** The key becomes the one that opens everything; an older one stops to. Needs a verified device. */
export async function keepRecoveryKey(made: GeneratedSecretStorageKey): Promise<void> {
  const privateKey = made.privateKey.slice(); // the one in use is overwritten afterwards; a retry needs it
  await withSecretKey(null, async () => {
    await crypto().bootstrapSecretStorage({
      setupNewSecretStorage: true,
      setupNewKeyBackup: !(await crypto().getActiveSessionBackupVersion()),
      createSecretStorageKey: async () => ({ ...made, privateKey }),
    });
  });
}

/** Open identity and backup on this device with the recovery key, or the phrase another app made one from. */
export async function openWithRecoveryKey(typed: string): Promise<void> {
  const storage = matrix().secretStorage;
  const found = await storage.getKey();
  if (!found) throw new WrongRecoveryKey("there is no recovery key");
  const [id, about] = found;
  const key = decoded(typed) ?? (about.passphrase && (await derived(typed, about.passphrase)));
  if (!key || !(await storage.checkKey(key, about))) throw new WrongRecoveryKey();
  await withSecretKey({ id, key }, async () => {
    await crypto().userHasCrossSigningKeys(matrix().getSafeUserId(), true); // what is public must be here first
    await crypto().bootstrapCrossSigning({});
    if (await crypto().getKeyBackupInfo()) await crypto().loadSessionBackupPrivateKeyFromSecretStorage();
    else await crypto().resetKeyBackup();
  });
  await crypto().checkKeyBackupAndEnable();
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

function derived(phrase: string, how: { salt: string; iterations: number; bits?: number }) {
  return deriveRecoveryKeyFromPassphrase(phrase, how.salt, how.iterations, how.bits);
}
