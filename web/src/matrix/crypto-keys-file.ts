/** Keys of messages to and from a file under a passphrase, in the format every Matrix app reads. */

import { crypto } from "./crypto";

const ROUNDS = 500_000; // of PBKDF2; what the specification recommends at least is 100,000
const HEADER = "-----BEGIN MEGOLM SESSION DATA-----";

export class NoKeysFile extends Error {}
export class WrongPassphrase extends Error {}

export async function exportKeys(passphrase: string): Promise<string> {
  const { OlmMachine } = await import("@matrix-org/matrix-sdk-crypto-wasm");
  return OlmMachine.encryptExportedRoomKeys(await crypto().exportRoomKeysAsJson(), passphrase, ROUNDS);
}

/** Returns how many keys the file held; messages that waited for one are read at once. */
export async function importKeys(file: string, passphrase: string): Promise<number> {
  if (!file.trimStart().startsWith(HEADER)) throw new NoKeysFile();
  const { OlmMachine } = await import("@matrix-org/matrix-sdk-crypto-wasm");
  let keys: string;
  try {
    keys = OlmMachine.decryptExportedRoomKeys(file, passphrase);
  } catch {
    throw new WrongPassphrase();
  }
  await crypto().importRoomKeysAsJson(keys);
  return (JSON.parse(keys) as unknown[]).length;
}
