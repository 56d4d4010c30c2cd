/** The one client of the signed-in session: made, started, stopped; and its state as signals. */

import { computed, effect, signal, untracked } from "@preact/signals";
import {
  ClientEvent,
  HttpApiEvent,
  IndexedDBStore,
  type MatrixClient,
  MatrixError,
  MatrixScheduler,
  MemoryStore,
  SyncState,
} from "matrix-js-sdk";

import { LateCryptoClient } from "./crypto-late";
import { secretCallbacks } from "./crypto-secrets";
import { storePrefix } from "./crypto-store";
import { hearingAborts } from "./heard-aborts";
import { forget, type Session, session } from "./session";
import { current, siteFetch, watchSites, way } from "./sites";
import { elsewhere, hold, release } from "./tab";

const INITIAL_MESSAGES = 20; // of each room, in a first sync
const POLL_MS = 30_000;
const CLEARING_MS_MAX = 3_000;
const PREPARED = new Set([SyncState.Prepared, SyncState.Syncing, SyncState.Catchup]);

const client = signal<MatrixClient | null>(null);
let saving: MemoryStore | null = null; // what the client keeps in this browser
const prepared = signal(false);
/** There is a client: views may ask for it. */
export const started = computed(() => client.value !== null);
export const syncState = signal<SyncState | null>(null);
/** The operator has locked the account: nothing comes until it is unlocked, and nothing is lost. */
export const locked = signal(false);
/** The first answer of the server, or what was kept here, has been applied; losing the server later changes nothing. */
export const ready = computed(() => prepared.value);
/** Why there is no client, if there should be one: `startAgain` tries anew. */
export const startFault = signal<unknown>(null);

/** The client; only views below a sign-in ask, so there is one. */
export function matrix(): MatrixClient {
  if (!client.value) throw new Error("nobody is signed in");
  return client.value;
}

/** What is to be done with each new client before it starts: handlers are attached here. */
type Attach = (client: MatrixClient) => void | Promise<void>;
const attached: Attach[] = [];
export function onClient(attach: Attach): void {
  attached.push(attach);
}

/** Keep a client running for whoever is signed in. Called once, at the start. */
export function followSession(): void {
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) void saving?.save(true).catch(() => undefined); // a next start, maybe offline, begins here
  });
  effect(() => {
    const who = elsewhere.value ? null : session.value;
    untracked(() => {
      const before = client.peek();
      if (before) stop(before);
      watchSites(who !== null);
      if (who) startAgain();
      else if (!session.value) release();
    });
  });
  effect(() => {
    if (way.value === "well") client.peek()?.retryImmediately(); // the SDK would wait for seconds more
  });
}

export function startAgain(): void {
  const who = session.peek();
  startFault.value = null;
  if (who) start(who).catch((fault: unknown) => (startFault.value = fault));
}

export async function signOut(): Promise<void> {
  const leaving = matrix();
  await leaving.logout(true).catch(() => undefined); // the token may be gone already
  await clear(leaving);
  forget();
}

async function start(who: Session): Promise<void> {
  const isOver = () => session.peek() !== who || elsewhere.peek();
  await hold();
  const [starting, store] = await withStore(who);
  if (isOver()) return;
  starting.on(ClientEvent.Sync, (state, _before, about) => {
    syncState.value = state;
    locked.value = about?.error instanceof MatrixError && about.error.errcode === "M_USER_LOCKED";
    if (PREPARED.has(state)) prepared.value = true;
  });
  starting.on(HttpApiEvent.SessionLoggedOut, () => {
    void clear(starting);
    forget(true);
  });
  for (const attach of attached) await attach(starting);
  if (isOver()) return;
  saving = store;
  client.value = starting;
  await starting.startClient({
    initialSyncLimit: INITIAL_MESSAGES,
    lazyLoadMembers: true,
    pollTimeout: POLL_MS,
    threadSupport: false, // threads are matrix/timeline's own: the SDK's would keep every reply for ever
  });
}

function stop(leaving: MatrixClient): void {
  leaving.stopClient();
  leaving.removeAllListeners();
  saving = null;
  client.value = null;
  syncState.value = null;
  prepared.value = false;
  locked.value = false;
}

/** What this browser kept of a device that is signed out: rooms and keys. What is still in use goes at the next start. */
async function clear(leaving: MatrixClient): Promise<void> {
  leaving.stopClient(); // a running client holds its databases open
  const device = { userId: leaving.getUserId()!, deviceId: leaving.getDeviceId()! };
  const cleared = leaving.clearStores({ cryptoDatabasePrefix: storePrefix(device) }).catch(() => undefined);
  await Promise.race([cleared, new Promise((resolve) => setTimeout(resolve, CLEARING_MS_MAX))]);
}

/** A client that keeps rooms in the browser's database; without one (private windows), in memory. */
async function withStore(who: Session): Promise<[MatrixClient, MemoryStore]> {
  const store = new IndexedDBStore({ indexedDB: hearingAborts(indexedDB), localStorage, dbName: `bongsu:${who.userId}:${who.deviceId}` });
  const client = made(who, store);
  try {
    await store.startup(); // makes people, so it needs the client it belongs to
    return [client, store];
  } catch (fault) {
    console.warn("nothing is kept in this browser:", fault);
    const memory = new MemoryStore({ localStorage });
    return [made(who, memory), memory];
  }
}

function made(who: Session, store: MemoryStore): MatrixClient {
  return new LateCryptoClient({
    baseUrl: current.value,
    fetchFn: siteFetch,
    userId: who.userId,
    deviceId: who.deviceId,
    accessToken: who.accessToken,
    store,
    scheduler: new MatrixScheduler(),
    cryptoCallbacks: secretCallbacks,
    timelineSupport: true,
    useAuthorizationHeader: true,
    disableVoip: true, // there are no calls here: it would ask for relays, and read what others wrote of calls
  });
}
