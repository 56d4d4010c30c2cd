/**
 * Which data centre is spoken to. Every request of the client goes through `siteFetch`.
 *
 * Sites are equal: the client stays where it is until that site falls silent, then goes on at whichever answers first,
 * and does not return. A site that was killed closes its connections, which is noticed at once. One that hangs, or is
 * cut off, says nothing at all: so while somebody looks at the page, a site not heard for 0.8 s is asked whether it is
 * ready, which costs it some twenty microseconds, and left 0.6 s later if another one answers.
 */

import { computed, signal } from "@preact/signals";

import { Connection } from "./site-connection";
import { siteFetcher } from "./site-fetch";
import { keepSites, keptSites, type Site, siteList, sitesTold } from "./site-list";

export { SiteLost } from "./site-fetch";

const WATCH_MS = 250; // between looks at the clock
const ASK_MS = 800; // of silence, while somebody looks at the page
const ASK_IDLE_MS = 5_000; // while the page is in sight, but nobody has touched it for long
const ASK_HIDDEN_MS = 30_000;
const IDLE_MS = 300_000;
const LEARN_MS = 3_600_000;

const connection = new Connection(location.origin, async (site, over) => {
  const request: RequestInit = { signal: over, cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer" };
  const answer = await fetch(`${site}/ready`, request);
  await answer.arrayBuffer(); // a body that nobody reads is broken off, which a browser reports as a failure
  return answer.status;
});

export const sites = signal<Site[]>(siteList(location.origin, keptSites()));
/** The origin of the site of now. */
export const current = connection.current;
/** What is to be said of it: whether it is known by a name, whether anybody answers, how long it wants to be left alone. */
export const siteName = computed(() => sites.value.find((site) => site.url === current.value)?.name ?? "");
export const way = connection.way;
export const busyUntil = connection.busyUntil;

/** `fetch` for matrix-js-sdk: the same request, at the site that answers. */
export const siteFetch = siteFetcher(
  {
    current: () => current.peek(),
    isOurs: (origin) => connection.isOurs(origin),
    isFresh: (site) => connection.isFresh(site),
    settle: (over) => connection.settle(over),
    doubt: () => connection.doubt(),
    heard: (site) => connection.heard(site),
    busyUntil: (at) => (busyUntil.value = at),
    onMove: (moved) => connection.onMove(moved),
  },
  (input, init) => fetch(input, init),
);

/** Where a path is now, for what cannot go by `siteFetch` (uploads with progress). */
export function siteUrl(path: string): string {
  return current.peek() + path;
}

/** Whether the site of now is watched: while somebody is signed in. */
export function watchSites(on: boolean): void {
  if (on === (stopWatching !== null)) return;
  if (stopWatching) stopWatching();
  stopWatching = on ? watch() : null;
}

let stopWatching: (() => void) | null = null;
let touchedAt = performance.now();

connection.know(sites.peek().map((site) => site.url));

function watch(): () => void {
  let learntAt = -Infinity;
  const look = () => {
    const now = performance.now();
    if (connection.silentFor() >= askAfter(document.visibilityState, now - touchedAt)) void connection.settle();
    if (now - learntAt < LEARN_MS) return;
    learntAt = now;
    void learn();
  };
  const timer = setInterval(look, WATCH_MS);
  const stopMove = connection.onMove(() => (learntAt = -Infinity));
  const touch = () => (touchedAt = performance.now());
  const seen = () => {
    touch();
    if (document.visibilityState === "visible" && connection.silentFor() >= ASK_MS) connection.hurry();
  };
  const online = () => connection.hurry();
  addEventListener("online", online);
  addEventListener("pointerdown", touch, { passive: true });
  addEventListener("keydown", touch, { passive: true });
  document.addEventListener("visibilitychange", seen);
  look();
  return () => {
    clearInterval(timer);
    stopMove();
    removeEventListener("online", online);
    removeEventListener("pointerdown", touch);
    removeEventListener("keydown", touch);
    document.removeEventListener("visibilitychange", seen);
  };
}

/** After how much silence the site is asked. */
export function askAfter(visibility: DocumentVisibilityState, untouchedMs: number): number {
  if (visibility !== "visible") return ASK_HIDDEN_MS;
  return untouchedMs < IDLE_MS ? ASK_MS : ASK_IDLE_MS;
}

/** Ask the site of now for all of them; what is known stays known if it does not tell. */
async function learn(): Promise<void> {
  try {
    const answer = await siteFetch(`${current.peek()}/.well-known/matrix/client`);
    if (!answer.ok) return;
    const told = sitesTold(await answer.json());
    keepSites(told);
    sites.value = siteList(location.origin, told);
    connection.know(sites.peek().map((site) => site.url));
  } catch {
    // no site answers, or it is no JSON: the next look learns
  }
}
