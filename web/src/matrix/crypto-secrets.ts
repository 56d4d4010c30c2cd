/**
 * The key to a person's secret storage (what people know as the recovery key): in memory only, and only while
 * something is done with it.
 */

import type { CryptoCallbacks } from "matrix-js-sdk/lib/crypto-api";

interface Held {
  id: string; // of the key, in the account data
  key: Uint8Array<ArrayBuffer>;
}

let held: Held | null = null;

/** For the client: it asks here whenever it reads or writes a secret. */
export const secretCallbacks: CryptoCallbacks = {
  getSecretStorageKey: async ({ keys }) => (held && held.id in keys ? [held.id, held.key] : null),
  cacheSecretStorageKey: (id, _about, key) => {
    held = { id, key };
  },
};

/** Do `work` with the key in hand; it is overwritten afterwards. Without one, `work` may make a new key. */
export async function withSecretKey<T>(given: Held | null, work: () => Promise<T>): Promise<T> {
  held = given;
  try {
    return await work();
  } finally {
    held?.key.fill(0);
    held = null;
  }
}
