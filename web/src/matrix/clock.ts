/**
 * How wrong this device's clock is, by the server's. A wrong one breaks nothing (times come from the server), but "today"
 * and "3 minutes ago" are then untrue, and the person should know why.
 */

import { computed, signal } from "@preact/signals";

import { current, siteFetch } from "./sites";

export const WRONG_MS = 2 * 60_000; // less is the network, or nobody's business
const ASK_MS = 60 * 60_000;

/** Positive: this device is ahead. */
export const aheadMs = signal(0);
export const isWrong = computed(() => Math.abs(aheadMs.value) >= WRONG_MS);

let asked = -Infinity;

/** Called once. */
export function followClock(): void {
  void ask();
  document.addEventListener("visibilitychange", () => void (document.hidden || ask()));
}

export function ahead(sent: number, received: number, date: string | null): number | null {
  const theirs = date === null ? NaN : Date.parse(date);
  return Number.isNaN(theirs) ? null : (sent + received) / 2 - theirs;
}

async function ask(): Promise<void> {
  if (performance.now() - asked < ASK_MS) return;
  asked = performance.now();
  try {
    const sent = Date.now();
    const answer = await siteFetch(`${current.peek()}/_matrix/client/versions`, { cache: "no-store" });
    aheadMs.value = ahead(sent, Date.now(), answer.headers.get("date")) ?? aheadMs.peek(); // other origins hide it
  } catch {
    asked = -Infinity; // no server: at the next look
  }
}
