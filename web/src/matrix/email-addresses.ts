/**
 * The e-mail addresses of the account. The server sends a letter with a link to a new one; once that was opened, and with
 * the password, the account has the address. Letters are bounded here, and at the server by the address they go to.
 */

import { computed } from "@preact/signals";
import { type AuthDict, type IAddThreePidOnlyBody, MatrixError, ThreepidMedium } from "matrix-js-sdk";

import { matrix } from "./client";
import { keptLetter, sendLetter } from "./letter";
import { session } from "./session";

const LETTERS_MAX = 5; // to one address; the server sends no more at once either
const LETTER_REST_MS = 30_000; // mail takes its time
export const ADDRESSES_MAX = 20; // as the server has it

const { letter: kept, remember } = keptLetter("bongsu.email-letter");

/** The letter that the person who is signed in has asked for. */
export const letter = computed(() => (kept.value?.userId === session.value?.userId ? kept.value : null));

export interface EmailAddresses {
  addresses: string[];
  mayChange: boolean; // false where the server sends no mail
}

/** Another letter has been asked for right after the one before; `seconds` to wait. */
export class TooSoon extends Error {
  constructor(readonly seconds: number) {
    super("the letter before has just been sent");
  }
}

/** So many letters have been sent to the address that another one helps nobody. */
export class TooMany extends Error {
  readonly letters = LETTERS_MAX;
}

/** Throws MatrixError. */
export async function emailAddresses(): Promise<EmailAddresses> {
  const [capabilities, { threepids }] = await Promise.all([matrix().fetchCapabilities(), matrix().getThreePids()]);
  return {
    addresses: threepids.filter(({ medium }) => medium === ThreepidMedium.Email).map(({ address }) => address),
    mayChange: capabilities["m.3pid_changes"]?.enabled !== false,
  };
}

/** Have a letter sent: to the same address another one. Throws TooSoon, TooMany, MatrixError. */
export async function askForLetter(email: string): Promise<void> {
  const client = matrix();
  const before = letter.peek();
  if (before?.email === email) {
    const age = Date.now() - before.sentAt; // negative once the clock was set back
    if (before.attempt >= LETTERS_MAX) throw new TooMany("enough letters have been sent");
    if (age >= 0 && age < LETTER_REST_MS) throw new TooSoon(Math.ceil((LETTER_REST_MS - age) / 1000));
  }
  const sent = await sendLetter(client, email, before, client.requestAdd3pidEmailToken.bind(client));
  remember({ ...sent, userId: client.getSafeUserId() });
}

export function forgetLetter(): void {
  remember(null);
}

/** Have the address that the letter went to, its link being opened. Throws MatrixError. */
export async function addAddress(auth: AuthDict): Promise<void> {
  const { email, sid, secret } = letter.peek()!;
  try {
    await matrix().addThreePidOnly({ sid, client_secret: secret, auth: auth as IAddThreePidOnlyBody["auth"] });
  } catch (error) {
    if (!isUnproved(error) || !(await has(email))) throw error; // else the answer to an earlier try was lost
  }
  remember(null); // it is spent
}

/** An address that is gone already is no error. Throws MatrixError. */
export async function removeAddress(address: string): Promise<void> {
  await matrix().deleteThreePid(ThreepidMedium.Email, address);
}

/** The letter's link was not opened, or too long ago. */
export function isUnproved(error: unknown): boolean {
  return error instanceof MatrixError && error.errcode === "M_THREEPID_AUTH_FAILED";
}

async function has(email: string): Promise<boolean> {
  return (await emailAddresses()).addresses.includes(email.toLowerCase());
}
