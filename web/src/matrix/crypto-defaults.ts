/**
 * Whether a new chat is encrypted, unless the person says otherwise: it is, where those in it can read it.
 *
 * Two chats are not: one with somebody who has no device that encrypts (they would never see what was written before
 * they had one), and one that whoever has the address may come into. What was decided is shown before the chat is made.
 */

import { computed } from "@preact/signals";

import { matrix } from "./client";
import { encryption } from "./crypto";
import type { Door } from "./groups";

/** This browser can take part. One whose engine has failed can, after the page has been loaded again. */
export const canEncrypt = computed(() => !["unsupported", "insecure", "lost"].includes(encryption.value.phase));

/** Asked of the server, and not of the engine, which may not have come yet. */
export async function hasEncryptingDevice(userId: string): Promise<boolean> {
  const { device_keys: keys } = await matrix().downloadKeysForUsers([userId]);
  return Object.keys(keys[userId] ?? {}).length > 0;
}

export function isEncryptedBehind(door: Door): boolean {
  return door !== "public";
}
