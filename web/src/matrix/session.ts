/** Who is signed in on this device, kept over reloads; and the ways in and out. */

import "../forbidden-storage"; // here, since this is what reads storage first

import { signal } from "@preact/signals";
import { createClient, type MatrixClient, MatrixError } from "matrix-js-sdk";

import { keepText } from "../kept";
import { deviceName } from "./device-name";
import { current, siteFetch } from "./sites";
import { isHeld } from "./tab";

export interface Session {
  userId: string;
  deviceId: string;
  accessToken: string;
}

/** Whom the server lets make an account: anybody, who holds a token, nobody. */
export type Registration = "open" | "token" | "closed";

const KEPT = "bongsu.session";
const TOKEN_STAGE = "m.login.registration_token";

export const session = signal<Session | null>(kept());
/** Set when the server has ended the session: why the sign-in view is shown. */
export const endedElsewhere = signal(false);
/** The browser has thrown away what this page had stored, while it was open. */
export const storageCleared = signal(false);

/** `name` is a username, a whole user id or an e-mail address of the account. Throws MatrixError. */
export async function signIn(name: string, password: string): Promise<void> {
  const answer = await anonymous().loginRequest({
    type: "m.login.password",
    identifier: identifierOf(name.trim()),
    password,
    initial_device_display_name: deviceName(),
  });
  begin({ userId: answer.user_id, deviceId: answer.device_id, accessToken: answer.access_token });
}

export async function registration(): Promise<Registration> {
  try {
    await anonymous().registerRequest({});
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error;
    if (error.httpStatus === 403) return "closed";
    if (error.httpStatus !== 401) throw error;
    const flows = (error.data.flows ?? []) as { stages: string[] }[];
    if (flows.some(({ stages }) => stages.every((stage) => stage === "m.login.dummy"))) return "open";
    return flows.some(({ stages }) => stages.every((stage) => stage === TOKEN_STAGE)) ? "token" : "closed";
  }
  return "open";
}

/** `token` is a registration token, where the server asks for one; `name` what others see. Throws MatrixError. */
export async function register(username: string, password: string, token = "", name = ""): Promise<void> {
  const client = anonymous();
  const request = { username: username.trim(), password, initial_device_display_name: deviceName() };
  const stage = token ? { type: TOKEN_STAGE, token } : { type: "m.login.dummy" };
  let answer;
  try {
    answer = await client.registerRequest({ ...request, auth: stage });
  } catch (error) {
    const uia = error instanceof MatrixError && error.httpStatus === 401 && !error.errcode && error.data.session;
    if (typeof uia !== "string") throw error;
    answer = await client.registerRequest({ ...request, auth: { ...stage, session: uia } as never });
  }
  const made = { userId: answer.user_id, deviceId: answer.device_id!, accessToken: answer.access_token! };
  if (name.trim()) await nameAnew(made, name.trim());
  begin(made);
}

/** The session is over: by the person, or (`elsewhere`) because the server no longer knows the token. */
export function forget(elsewhere = false): void {
  localStorage.removeItem(KEPT);
  endedElsewhere.value = elsewhere;
  session.value = null;
}

/** Follow what other tabs do, and put back what the browser has thrown away under an open page. Called once. */
export function followStorage(): void {
  addEventListener("storage", ({ key }) => {
    if (key !== null && key !== KEPT) return;
    if (session.peek() && isHeld()) putBack();
    else if (JSON.stringify(session.peek()) !== JSON.stringify(kept())) session.value = kept();
  });
  document.addEventListener("visibilitychange", putBack);
}

export function anonymous(): MatrixClient {
  return createClient({ baseUrl: current.value, fetchFn: siteFetch });
}

function begin(next: Session): void {
  keepText(KEPT, JSON.stringify(next));
  endedElsewhere.value = false;
  session.value = next;
  void navigator.storage?.persist?.().catch(() => undefined); // so that a full disk does not sign out
}

function putBack(): void {
  if (!session.peek() || localStorage.getItem(KEPT) !== null) return;
  keepText(KEPT, JSON.stringify(session.peek()));
  storageCleared.value = true;
}

/** The account exists already: a name that could not be set is set later, in the settings. */
async function nameAnew({ userId, accessToken }: Session, name: string): Promise<void> {
  const client = createClient({ baseUrl: current.value, fetchFn: siteFetch, userId, accessToken });
  await client.setDisplayName(name).catch(() => undefined);
}

function identifierOf(name: string) {
  if (!name.startsWith("@") && name.includes("@")) {
    return { type: "m.id.thirdparty", medium: "email", address: name };
  }
  return { type: "m.id.user", user: name };
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
