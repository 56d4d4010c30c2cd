/**
 * The service worker: the shell opens offline, and each build is kept whole.
 *
 * A build's files are fetched when its worker is installed, and served from there; nothing of the API is ever kept. The
 * page itself is asked of the server first, for a moment, because its policy names the addresses it may speak to.
 * A newer worker waits until the person lets it in, so no page meets the code of another build.
 */

export {};
declare const self: ServiceWorkerGlobalScope;

/** Filled in when everything else is built: a name for the build, its files, and those of encryption. */
const BUILD = "%BUILD%";
const FILES: string[] = JSON.parse("%FILES%");
const ENCRYPTION: string[] = JSON.parse("%ENCRYPTION%");

const PREFIX = "bongsu-shell-";
const CACHE = PREFIX + BUILD;
const PAGE_MS = 1_500; // how long the server may take with the page before the kept one is shown

self.addEventListener("install", (event) => {
  event.waitUntil(keepShell());
});

self.addEventListener("activate", (event) => {
  event.waitUntil(dropOthers().then(() => self.clients.claim()));
});

self.addEventListener("message", ({ data }) => {
  if (data === "enter") void self.skipWaiting();
});

/** Phones tell of a notification's click here (`matrix/notify`): its room is opened in the page there is, or in a new one. */
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openRoom(String(event.notification.data?.roomId ?? "")));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname === "/" && request.mode === "navigate") event.respondWith(page(request));
  else if (url.pathname.startsWith("/assets/")) event.respondWith(asset(request));
  else if (FILES.includes(url.pathname)) event.respondWith(kept(request));
});

/** "/" and the pictures may be in the browser's own cache from an older build: they are asked for anew. */
async function keepShell(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES.map((file) => new Request(file, { cache: file.startsWith("/assets/") ? "default" : "no-cache" })));
  if (await encrypts()) await cache.addAll(ENCRYPTION);
}

/** This browser has used encryption: what is encrypted must be readable offline in a new build too. */
async function encrypts(): Promise<boolean> {
  for (const name of await caches.keys()) {
    if (!name.startsWith(PREFIX)) continue;
    const requests = await (await caches.open(name)).keys();
    if (requests.some(({ url }) => url.endsWith(".wasm"))) return true;
  }
  return false;
}

async function openRoom(roomId: string): Promise<void> {
  const [page] = await self.clients.matchAll({ type: "window" });
  if (!page) return void (await self.clients.openWindow(`/#/room/${encodeURIComponent(roomId)}`));
  page.postMessage({ room: roomId });
  await page.focus();
}

async function dropOthers(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(PREFIX) && name !== CACHE).map((name) => caches.delete(name)));
}

async function page(request: Request): Promise<Response> {
  const cached = await caches.match("/", { cacheName: CACHE });
  if (!cached) return await fetch(request);
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PAGE_MS) });
    return answer.ok ? answer : cached;
  } catch {
    return cached; // offline, or this data centre is silent
  }
}

/** What is fetched only when needed (encryption, emoji) is kept from then on: its name changes with its content. */
async function asset(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const found = (await cache.match(request)) ?? (await caches.match(request));
  if (found) return found;
  const answer = await fetch(request);
  if (answer.ok) await cache.put(request, answer.clone()).catch(() => undefined); // a full disk
  return answer;
}

async function kept(request: Request): Promise<Response> {
  return (await caches.match(request, { cacheName: CACHE })) ?? (await fetch(request));
}
