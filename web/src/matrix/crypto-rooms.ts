/**
 * Encrypted rooms: how they are made, when one may send into them, and what is said of their messages.
 */

import { effect } from "@preact/signals";
import { ClientEvent, type ICreateRoomStateEvent, type MatrixEvent, type Room } from "matrix-js-sdk";
import { DecryptionFailureCode } from "matrix-js-sdk/lib/crypto-api";

import { matrix, ready } from "./client";
import { encryption } from "./crypto";
import { hasKeys } from "./crypto-store";
import { session } from "./session";

const ALGORITHM = "m.megolm.v1.aes-sha2";
const ROOM_MS_MAX = 60_000; // until the server's answer brings a room that was just made or joined

/** For `initial_state` of a room that is encrypted from its first message on. */
export function encryptedFromTheStart(): ICreateRoomStateEvent[] {
  return [{ type: "m.room.encryption", state_key: "", content: { algorithm: ALGORITHM } }];
}

/** Turn encryption on in a room; there is no way back. */
export async function encrypt(roomId: string): Promise<void> {
  await matrix().sendStateEvent(roomId, "m.room.encryption" as never, { algorithm: ALGORITHM } as never, "");
}

/** A message can never be encrypted here: this browser cannot, or its keys are lost. */
export class CannotEncrypt extends Error {}

/** The server says now that a room is not encrypted which was: no honest server does, so nothing goes there. */
export class NoLongerEncrypted extends Error {}

/**
 * Wait until a message into this room would go out as the room wants it. To be called before every send: the SDK sends
 * in the clear into a room that it has not heard of yet, and into one whose encryption the server hides from it.
 */
export async function readyToSend(roomId: string): Promise<void> {
  await until(() => ready.value);
  const room = matrix().getRoom(roomId) ?? (await arrival(roomId));
  const isEncrypted = room.hasEncryptionStateEvent();
  const who = session.value;
  if (!isEncrypted && !(who && hasKeys(who))) return; // a device without keys has been in no encrypted room
  await until(() => !["off", "loading", ...(isEncrypted ? ["failed"] : [])].includes(encryption.value.phase));
  if (isEncrypted && encryption.value.phase !== "ready") throw new CannotEncrypt();
  if (!isEncrypted && (await matrix().getCrypto()?.isEncryptionEnabledInRoom(roomId))) throw new NoLongerEncrypted();
}

export type Unreadable = "not-joined" | "old" | "old-locked" | "withheld" | "unverified-withheld" | "changed" | "waiting" | "broken";

const REASONS: Partial<Record<DecryptionFailureCode, Unreadable>> = {
  [DecryptionFailureCode.HISTORICAL_MESSAGE_USER_NOT_JOINED]: "not-joined",
  [DecryptionFailureCode.HISTORICAL_MESSAGE_NO_KEY_BACKUP]: "old",
  [DecryptionFailureCode.HISTORICAL_MESSAGE_BACKUP_UNCONFIGURED]: "old-locked",
  [DecryptionFailureCode.HISTORICAL_MESSAGE_WORKING_BACKUP]: "old",
  [DecryptionFailureCode.MEGOLM_KEY_WITHHELD]: "withheld",
  [DecryptionFailureCode.MEGOLM_KEY_WITHHELD_FOR_UNVERIFIED_DEVICE]: "unverified-withheld",
  [DecryptionFailureCode.SENDER_IDENTITY_PREVIOUSLY_VERIFIED]: "changed",
  [DecryptionFailureCode.MEGOLM_UNKNOWN_INBOUND_SESSION_ID]: "waiting",
  [DecryptionFailureCode.OLM_UNKNOWN_MESSAGE_INDEX]: "waiting",
};

const KEYLESS: ReadonlySet<Unreadable> = new Set(["old", "old-locked", "waiting"]);

/** Why a message cannot be read here; null while it is still being tried, or was read. `membership` is one's own. */
export function unreadable(event: MatrixEvent, membership: MatrixEvent | undefined): Unreadable | null {
  const code = event.decryptionFailureReason;
  if (!code) return null;
  const why = REASONS[code] ?? "broken";
  return KEYLESS.has(why) && membership && isFromBefore(event, membership) ? "not-joined" : why;
}

/** From before one joined. Servers may tell so themselves, but need not. A later change of name says nothing. */
function isFromBefore(event: MatrixEvent, membership: MatrixEvent): boolean {
  const joined = membership.getContent().membership === "join" && membership.getPrevContent().membership !== "join";
  return joined && event.getTs() < membership.getTs();
}

async function arrival(roomId: string): Promise<Room> {
  const client = matrix();
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(late);
      client.off(ClientEvent.Room, came);
    };
    const came = (room: Room) => {
      if (room.roomId !== roomId) return;
      stop();
      resolve(room);
    };
    const late = setTimeout(() => {
      stop();
      reject(new Error(`${roomId} is not among the chats of this device`));
    }, ROOM_MS_MAX);
    client.on(ClientEvent.Room, came);
  });
}

/** Resolves once `holds` does; rejects when the person signs out. `holds` reads signals. */
function until(holds: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = effect(() => {
      const signedIn = session.value !== null;
      if (signedIn && !holds()) return;
      queueMicrotask(() => end()); // not from within its own first run
      if (signedIn) resolve();
      else reject(new Error("signed out"));
    });
  });
}
