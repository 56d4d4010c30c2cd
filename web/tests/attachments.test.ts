import { expect, test } from "vitest";

import { Altered, decryptAttachment, encryptAttachment } from "../src/matrix/attachments";

const PLAIN = new TextEncoder().encode("봉수대의 그림".repeat(1000)).buffer;

test("what was encrypted is read again, and blocks are counted from zero", async () => {
  const { bytes, file } = await encryptAttachment(PLAIN);
  expect(new Uint8Array(bytes)).not.toEqual(new Uint8Array(PLAIN));
  expect(await decryptAttachment(bytes, { ...file, url: "mxc://x/y" })).toEqual(PLAIN);
  expect(file).toMatchObject({ v: "v2", key: { alg: "A256CTR", kty: "oct", ext: true } });
  expect(file.iv).toMatch(/AAAAAAAAAA$/);
  expect(file.hashes.sha256).not.toContain("=");
});

test("a changed byte, a padded hash, a broken key", async () => {
  const { bytes, file } = await encryptAttachment(PLAIN);
  const padded = { ...file, url: "mxc://x/y", hashes: { sha256: `${file.hashes.sha256}=` } };
  expect(await decryptAttachment(bytes, padded)).toEqual(PLAIN);
  await expect(decryptAttachment(bytes, { ...padded, key: { ...file.key, k: "AA" } })).rejects.toThrow(Altered);
  await expect(decryptAttachment(bytes, { ...padded, hashes: {} as never })).rejects.toThrow(Altered);
  new Uint8Array(bytes)[7]! ^= 1;
  await expect(decryptAttachment(bytes, padded)).rejects.toThrow(Altered);
});
