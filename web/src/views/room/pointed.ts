/** The message under the pointer or with the focus: it alone has buttons, so that thousands don't. */

import { signal } from "@preact/signals";

export const pointed = signal<string | null>(null);

/** For the list's `pointerover` and `focusin`. */
export function pointAt(event: Event): void {
  if (event instanceof PointerEvent && event.pointerType === "touch") return; // a finger holds instead
  pointed.value = (event.target as Element).closest<HTMLElement>("[data-key]")?.dataset.key ?? null;
}
