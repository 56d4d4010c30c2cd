/** Hand the person a text that was made in the page, as a file. */

import { save } from "./save";

const KEPT_MS = 60_000; // some browsers read it after the click has returned

export function saveText(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  save(address, name);
  setTimeout(() => URL.revokeObjectURL(address), KEPT_MS);
}
