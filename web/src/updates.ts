/** The service worker from the page's side: registered, asked now and then for a newer build, let in when wanted. */

import { signal } from "@preact/signals";

const ASK_MS = 30 * 60_000;
const BEGIN_MS = 3_000; // the first view goes before the files that make the next one open offline

/** A newer build waits: `enter` opens it. */
export const newer = signal<ServiceWorker | null>(null);

/** Called once. Without workers (plain HTTP, private windows) the page is just a page. */
export async function followUpdates(): Promise<void> {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  const wasControlled = navigator.serviceWorker.controller !== null;
  let entering = false;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (!wasControlled || entering) return; // the first worker only begins to serve
    entering = true;
    location.reload();
  });
  await new Promise((resolve) => setTimeout(resolve, BEGIN_MS));
  try {
    const registration = await navigator.serviceWorker.register("/sw.js");
    watch(registration);
    const ask = () => void registration.update().catch(() => undefined); // offline: another time
    setInterval(ask, ASK_MS);
    document.addEventListener("visibilitychange", () => document.hidden || ask());
  } catch (error) {
    console.warn("no service worker:", error);
  }
}

export function enter(): void {
  newer.peek()?.postMessage("enter");
}

function watch(registration: ServiceWorkerRegistration): void {
  const look = () => {
    newer.value = navigator.serviceWorker.controller ? registration.waiting : null;
  };
  look();
  registration.addEventListener("updatefound", () => {
    registration.installing?.addEventListener("statechange", look);
  });
}
