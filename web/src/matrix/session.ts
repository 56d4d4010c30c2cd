/** Who is signed in on this device, kept over reloads; and the ways in and out. */

import { signal } from "@preact/signals";
import { createClient, type MatrixClient, MatrixError } from "matrix-js-sdk";

import { current, siteFetch } from "./sites";

export interface Session {
  userId: string;
  deviceId: string;
  accessToken: string;
}

const KEPT = "bongsu.session";
const DEVICE_NAME = "Bongsu";

export const session = signal<Session | null>(kept());
/** Set when the server has ended the session: why the sign-in view is shown. */
export const endedElsewhere = signal(false);

export async function signIn(username: string, password: string): Promise<void> {
  const answer = await anonymous().loginRequest({
    type: "m.login.password",
    identifier: { type: "m.id.user", user: username },
    password,
    initial_device_display_name: DEVICE_NAME,
  });
  begin({ userId: answer.user_id, deviceId: answer.device_id, accessToken: answer.access_token });
}

/** `token` is a registration token, where the server asks for one. Throws MatrixError. */
export async function register(username: string, password: string, token?: string): Promise<void> {
  const client = anonymous();
  const request = { username, password, initial_device_display_name: DEVICE_NAME };
  const stage = token ? { type: "m.login.registration_token", token } : { type: "m.login.dummy" };
  let answer;
  try {
    answer = await client.registerRequest({ ...request, auth: stage });
  } catch (error) {
    const uia = error instanceof MatrixError && error.httpStatus === 401 ? error.data.session : undefined;
    if (typeof uia !== "string" || error instanceof MatrixError && error.errcode) throw error;
    answer = await client.registerRequest({ ...request, auth: { ...stage, session: uia } as never });
  }
  begin({ userId: answer.user_id, deviceId: answer.device_id!, accessToken: answer.access_token! });
}

/** The session is over: by the person, or (`elsewhere`) because the server no longer knows the token. */
export function forget(elsewhere = false): void {
  localStorage.removeItem(KEPT);
  endedElsewhere.value = elsewhere;
  session.value = null;
}

function begin(next: Session): void {
  localStorage.setItem(KEPT, JSON.stringify(next));
  endedElsewhere.value = false;
  session.value = next;
}

export function anonymous(): MatrixClient {
  return createClient({ baseUrl: current.value, fetchFn: siteFetch });
}

function kept(): Session | null {
  const text = localStorage.getItem(KEPT);
  if (!text) return null;
  try {
    const { userId, deviceId, accessToken } = JSON.parse(text) as Partial<Session>;
    return userId && deviceId && accessToken ? { userId, deviceId, accessToken } : null;
  } catch {
    return null;
  }
}
