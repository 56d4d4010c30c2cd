/** Which dialog of encryption is open; what opens them need not load them. */

import { signal } from "@preact/signals";

export type Asked =
  | "make-key" // make a recovery key
  | "enter-key" // open this device with it
  | "confirm" // this new device: how?
  | "verify" // what is in matrix/crypto-verification
  | "reset"
  | "export-keys"
  | "import-keys";

export const asked = signal<Asked | null>(null);

export function open(dialog: Asked): void {
  asked.value = dialog;
}

export function shut(): void {
  asked.value = null;
}
