/**
 * Attachments of encrypted rooms: AES-CTR by the browser's own cryptography, and nothing is believed before its
 * hash is checked. Matrix spec: client-server API, "Sending encrypted attachments".
 */

import { decodeBase64, encodeUnpaddedBase64 } from "matrix-js-sdk";

const NONCE_BYTES = 8; // the other half of the 16 counts blocks
const COUNTER_BITS = 64;

/** `m.file`'s and `thumbnail_file`'s own words. */
export interface EncryptedFile {
  url: string;
  key: { alg: string; key_ops: string[]; kty: string; k: string; ext: boolean };
  iv: string;
  hashes: { sha256: string };
  v: string;
}

/** The bytes are not those that were sent, or how to read them is not written down properly. */
export class Altered extends Error {}

/** Only pages from a secure address (https, localhost) get cryptography from a browser. */
export function canEncrypt(): boolean {
  return Boolean(globalThis.crypto?.subtle);
}

export async function encryptAttachment(
  plain: ArrayBuffer,
): Promise<{ bytes: ArrayBuffer; file: Omit<EncryptedFile, "url"> }> {
  const key = await crypto.subtle.generateKey({ name: "AES-CTR", length: 256 }, true, ["encrypt", "decrypt"]);
  const counter = new Uint8Array(16);
  crypto.getRandomValues(counter.subarray(0, NONCE_BYTES));
  const bytes = await crypto.subtle.encrypt({ name: "AES-CTR", counter, length: COUNTER_BITS }, key, plain);
  const { k } = await crypto.subtle.exportKey("jwk", key);
  return {
    bytes,
    file: {
      key: { alg: "A256CTR", key_ops: ["encrypt", "decrypt"], kty: "oct", k: k!, ext: true },
      iv: encodeUnpaddedBase64(counter),
      hashes: { sha256: await sha256(bytes) },
      v: "v2",
    },
  };
}

/** Throws Altered. */
export async function decryptAttachment(bytes: ArrayBuffer, file: EncryptedFile): Promise<ArrayBuffer> {
  if (!file.hashes?.sha256 || unpadded(file.hashes.sha256) !== (await sha256(bytes))) {
    throw new Altered("the hash of the attachment differs");
  }
  try {
    const jwk = { kty: "oct", k: file.key.k, alg: "A256CTR", ext: true, key_ops: ["encrypt", "decrypt"] };
    const key = await crypto.subtle.importKey("jwk", jwk, { name: "AES-CTR" }, false, ["decrypt"]);
    const counter = decodeBase64(file.iv);
    return await crypto.subtle.decrypt({ name: "AES-CTR", counter, length: COUNTER_BITS }, key, bytes);
  } catch (error) {
    throw new Altered("the key of the attachment does not fit", { cause: error });
  }
}

async function sha256(bytes: ArrayBuffer): Promise<string> {
  return encodeUnpaddedBase64(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

function unpadded(base64: string): string {
  return base64.replace(/=+$/, "");
}
