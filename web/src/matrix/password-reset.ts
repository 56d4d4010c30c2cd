/**
 * A forgotten password, set anew by whoever reads the account's mail. The server sends a letter with a link; once that
 * was opened, the server takes a new password. What proves it is kept for this tab: phones put the page away meanwhile.
 */

import { signal } from "@preact/signals";
import { MatrixError } from "matrix-js-sdk";

import { anonymous, signIn } from "./session";
import { current, siteFetch } from "./sites";

const FEATURE = "org.bongsu.password_by_email";
const KEPT = "bongsu.password-reset";

/** The letter that was asked for. */
export interface Letter {
  email: string;
  sid: string;
  secret: string;
  attempt: number;
}

export const letter = signal<Letter | null>(kept());

/** The letter's link was not opened, or too long ago. */
export class NotOpened extends Error {}

/** False also where the server cannot be asked. */
export async function isOffered(): Promise<boolean> {
  try {
    const answer = await siteFetch(`${current.peek()}/_matrix/client/versions`);
    const said = (await answer.json()) as { unstable_features?: Record<string, unknown> };
    return said.unstable_features?.[FEATURE] === true;
  } catch {
    return false;
  }
}

/** Have a letter sent: to the same address another one. The server does not tell whether an account has it. Throws MatrixError. */
export async function askForLetter(email: string): Promise<void> {
  const client = anonymous();
  const before = letter.peek()?.email === email ? letter.peek() : null;
  const secret = before?.secret ?? client.generateClientSecret();
  const attempt = (before?.attempt ?? 0) + 1;
  const { sid } = await client.requestPasswordEmailToken(email, secret, attempt);
  remember({ email, sid, secret, attempt });
}

/** Set the password and sign in with it. Throws NotOpened, MatrixError. */
export async function setPassword(password: string, endOthers: boolean): Promise<void> {
  const { email, sid, secret } = letter.peek()!;
  const auth = { type: "m.login.email.identity", threepid_creds: { sid, client_secret: secret } };
  try {
    await anonymous().setPassword(auth, password, endOthers);
  } catch (error) {
    throw error instanceof MatrixError && error.httpStatus === 401 ? new NotOpened() : error;
  }
  remember(null); // it is spent
  await signIn(email, password);
}

export function remember(next: Letter | null): void {
  letter.value = next;
  try {
    if (next) sessionStorage.setItem(KEPT, JSON.stringify(next));
    else sessionStorage.removeItem(KEPT);
  } catch {
    // holds until the page is closed
  }
}

function kept(): Letter | null {
  try {
    const { email, sid, secret, attempt } = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}") as Partial<Letter>;
    return email && sid && secret && attempt ? { email, sid, secret, attempt } : null;
  } catch {
    return null;
  }
}
