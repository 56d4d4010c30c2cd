/**
 * One tab of a browser runs the client: two would work on one database of keys, and spoil it.
 *
 * The newest wins. It asks the others over a channel to let go, waits for the lock, and takes it from a tab that does not
 * answer. Browsers give locks to secure pages only; on plain HTTP beyond this machine tabs are not guarded.
 */

import { signal } from "@preact/signals";

const NAME = "bongsu.tab";
const HANDOVER_MS = 3_000;

/** Another tab has taken over: this one rests until its person says "here". */
export const elsewhere = signal(false);

const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel(NAME) : null;
let letGo: (() => void) | null = null;

channel?.addEventListener("message", () => {
  if (!letGo) return;
  elsewhere.value = true; // whoever follows it stops the client at once
  letGo();
  letGo = null;
});

/** This tab has the client. Resolves when no other tab runs one. */
export async function hold(): Promise<void> {
  if (letGo || !("locks" in navigator)) return;
  channel?.postMessage("wanted");
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), HANDOVER_MS);
  try {
    await locked({ signal: patience.signal });
  } catch {
    await locked({ steal: true });
  } finally {
    clearTimeout(timer);
  }
}

export function isHeld(): boolean {
  return letGo !== null || !("locks" in navigator);
}

/** Signed out: others may come. */
export function release(): void {
  letGo?.();
  letGo = null;
}

/** Resolves with the lock in hand; from then on only its theft ends it from outside. */
function locked(how: LockOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let mine: (() => void) | null = null;
    const kept = navigator.locks.request(NAME, how, () => {
      resolve();
      return new Promise<void>((end) => {
        mine = end;
        letGo = end;
      });
    });
    kept.catch((error) => {
      if (mine && letGo === mine) {
        letGo = null;
        elsewhere.value = true;
      }
      reject(error);
    });
  });
}
