/**
 * The operator's desk, as a messenger needs it: what stands still just now, and the person's own reports of damage.
 *
 * It has an address of its own, and stands when the messenger does not: so the address and what it said last are kept in
 * this browser, and shown with the time at which they were true.
 */

import { computed, effect, signal } from "@preact/signals";

import { keepText } from "../kept";
import { matrix } from "./client";
import { session } from "./session";
import { current, siteFetch } from "./sites";

/** From good to bad. */
export const HEALTHS = ["operational", "unknown", "maintenance", "degraded", "partial_outage", "major_outage"] as const;
export type Health = (typeof HEALTHS)[number];
export type Texts = Readonly<Record<string, string>>; // by language

export interface Service {
  id: string;
  names: Texts;
  health: Health;
  sites: Readonly<Record<string, Health>>;
  uptime_90_days: number | null; // a share of 1
}

export interface Update {
  update_id: number;
  phase: string;
  ts: number; // ms since 1970
  texts: Texts;
}

export interface Incident {
  incident_id: string;
  kind: "incident" | "planned";
  impact: Health;
  titles: Texts;
  services: string[];
  started_ts: number;
  ends_ts: number | null;
  phase: string;
  updates: Update[]; // latest first
}

export interface Status {
  health: Health;
  as_of: string; // RFC 3339
  is_stale: boolean; // the desk has no database just now
  services: Service[];
  incidents: Incident[];
}

export interface Report {
  receipt: string;
  received_ts: number;
  status: string;
  services: string[];
  damage: string;
  url: string; // a secret that is good for a day: opened, never kept
}

/** Why the desk did not answer: `status` is that of HTTP, 0 if nobody answered. */
export class DeskError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const KEPT_ADDRESS = "bongsu.desk";
const KEPT_STATUS = "bongsu.desk.status";
const KEPT_LENGTH_MAX = 200_000;
const LOOK_CLOSELY_MS = 15_000; // while somebody reads it
const LOOKS_SKIPPED = 4; // else
const PATIENCE_MS = 10_000;
const AUDIENCE = { "org.bongsu.audience": "desk" }; // the token is good for nobody else

/** The desk's address; empty while none is known. */
export const desk = signal(localStorage.getItem(KEPT_ADDRESS) ?? "");
export const status = signal<Status | null>(kept());
/** Whether the last look failed: what is shown is of `status.as_of`. */
export const isUnreachable = signal(false);
/** Something that people use does not work. */
export const isTroubled = computed(() => HEALTHS.indexOf(status.value?.health ?? "operational") >= HEALTHS.indexOf("degraded"));

let readers = 0;

/** Look at the desk now and then, as long as the page is open and somebody is signed in. Called once. */
export function followDesk(): void {
  let turn = 0;
  effect(() => {
    current.value; // another site may know another address
    if (session.value) void learn().then(look);
  });
  setInterval(() => {
    const isDue = readers > 0 || ++turn % LOOKS_SKIPPED === 0;
    if (isDue && session.peek() && document.visibilityState === "visible") void look();
  }, LOOK_CLOSELY_MS);
}

/** Look more often until the returned function is called, and at once. */
export function readClosely(): () => void {
  readers++;
  void look();
  return () => {
    readers--;
  };
}

/** What the desk says now; where it is, only if that is not known yet. */
export async function look(): Promise<void> {
  if (!desk.peek()) await learn();
  if (!desk.peek()) return;
  try {
    const answer = await asked("/status.json");
    const text = await answer.text();
    const said = JSON.parse(text) as Status;
    if (!Array.isArray(said.services) || !Array.isArray(said.incidents)) throw new DeskError(0, "no status");
    status.value = said;
    isUnreachable.value = false;
    if (text.length <= KEPT_LENGTH_MAX) keepText(KEPT_STATUS, text);
  } catch {
    isUnreachable.value = true;
  }
}

/** The person's reports, latest first, at most a hundred of them. Throws DeskError. */
export async function ownReports(): Promise<Report[]> {
  const { access_token } = await openidToken();
  const answer = await asked("/api/reporter/reports", { headers: { Authorization: `Bearer ${access_token}` } });
  return ((await answer.json()) as { reports: Report[] }).reports;
}

/** Open the desk's form, with the account filled in if the messenger can vouch for it just now. */
export async function openReportForm(language: string): Promise<void> {
  const form = document.createElement("form");
  form.target = "_blank";
  form.rel = "noopener";
  try {
    const given = await openidToken();
    form.method = "post";
    form.action = `${desk.peek()}/report/enter?lang=${language}`;
    form.append(hidden("access_token", given.access_token), hidden("matrix_server_name", given.matrix_server_name));
  } catch {
    form.method = "get"; // the messenger is down, which is just when people report
    form.action = `${desk.peek()}/report`;
    form.append(hidden("lang", language));
  }
  document.body.append(form);
  form.submit();
  form.remove();
}

function openidToken(): Promise<{ access_token: string; matrix_server_name: string }> {
  const path = `/user/${encodeURIComponent(session.peek()!.userId)}/openid/request_token`;
  return matrix().http.authedRequest("POST" as never, path, undefined, AUDIENCE, { localTimeoutMs: PATIENCE_MS });
}

async function learn(): Promise<void> {
  try {
    const answer = await siteFetch(`${current.peek()}/.well-known/matrix/client`);
    if (!answer.ok) return;
    const told = ((await answer.json()) as Record<string, { base_url?: unknown } | undefined>)["org.bongsu.desk"]?.base_url;
    const address = typeof told === "string" && /^https?:\/\//.test(told) ? told.replace(/\/+$/, "") : "";
    desk.value = address;
    keepText(KEPT_ADDRESS, address);
  } catch {
    // no site answers: what was known stays known
  }
}

/** `fetch` of a path at the desk, without cookies. Throws DeskError unless it answers 2xx. */
async function asked(path: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(desk.peek() + path, { ...init, credentials: "omit", signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    throw new DeskError(0, "the desk cannot be reached");
  }
  if (!answer.ok) throw new DeskError(answer.status, await answer.text().catch(() => ""));
  return answer;
}

function hidden(name: string, value: string): HTMLInputElement {
  const input = document.createElement("input");
  Object.assign(input, { type: "hidden", name, value });
  return input;
}

function kept(): Status | null {
  try {
    return JSON.parse(localStorage.getItem(KEPT_STATUS) ?? "null") as Status | null;
  } catch {
    return null;
  }
}
