/**
 * A forgotten password, set anew by whoever reads the account's mail. The server sends a letter with a link; once that
 * was opened, the server takes a new password.
 */

import { MatrixError } from "matrix-js-sdk";

import { keptLetter, sendLetter } from "./letter";
import { anonymous, signIn } from "./session";
import { current, siteFetch } from "./sites";

const FEATURE = "org.bongsu.password_by_email";

/** The letter that was asked for. */
export const { letter, remember } = keptLetter("bongsu.password-reset");

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
  remember(await sendLetter(client, email, letter.peek(), client.requestPasswordEmailToken.bind(client)));
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
