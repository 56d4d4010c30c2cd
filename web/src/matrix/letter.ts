/**
 * A letter with a link that somebody has asked for. What proves that the link was opened is kept for this tab until it
 * is spent: phones put the page away while its person reads the letter.
 */

import { type Signal, signal } from "@preact/signals";
import type { MatrixClient } from "matrix-js-sdk";

export interface Letter {
  email: string;
  sid: string;
  secret: string;
  attempt: number; // letters sent to this address so far; the link of the last one counts
  sentAt: number; // ms since 1970
  userId?: string; // whose account it is for, if that is known
}

interface KeptLetter {
  letter: Signal<Letter | null>;
  remember(next: Letter | null): void;
}

type Send = (email: string, secret: string, attempt: number) => Promise<{ sid: string }>;

export function keptLetter(key: string): KeptLetter {
  const letter = signal(kept(key));
  const remember = (next: Letter | null) => {
    letter.value = next;
    try {
      if (next) sessionStorage.setItem(key, JSON.stringify(next));
      else sessionStorage.removeItem(key);
    } catch {
      // holds until the page is closed
    }
  };
  return { letter, remember };
}

/** A first letter, or another one to the address of the letter `before`. Throws what `send` throws. */
export async function sendLetter(client: MatrixClient, email: string, before: Letter | null, send: Send): Promise<Letter> {
  const same = before?.email === email ? before : null;
  const secret = same?.secret ?? client.generateClientSecret();
  const attempt = (same?.attempt ?? 0) + 1;
  const { sid } = await send(email, secret, attempt);
  return { email, sid, secret, attempt, sentAt: Date.now() };
}

function kept(key: string): Letter | null {
  try {
    const found = JSON.parse(sessionStorage.getItem(key) ?? "{}") as Partial<Letter>;
    const { email, sid, secret, attempt, sentAt } = found;
    return email && sid && secret && attempt && sentAt ? { ...found, email, sid, secret, attempt, sentAt } : null;
  } catch {
    return null;
  }
}
