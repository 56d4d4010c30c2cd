/** The arrows walk from message to message; Escape leaves them for where one writes. */

import type { Row } from "../../matrix/timeline/rows";
import type { ScrollerHandle } from "./scroller";

const STEPS: Record<string, number> = { ArrowUp: -1, ArrowDown: 1 };

export function walkMessages(event: KeyboardEvent, rows: readonly Row[], scroller: ScrollerHandle | null): void {
  const target = event.target as HTMLElement;
  const inList = target.matches(".message, .frame");
  if (!inList || event.ctrlKey || event.metaKey || event.altKey || !scroller) return;
  if (event.key === "Escape") {
    const beside = target.closest(".side, .room-main"); // a thread has a field of its own
    beside?.querySelector<HTMLElement>(".composer textarea, .composer [contenteditable]")?.focus();
    return;
  }
  const step = STEPS[event.key];
  const messages = rows.filter((row) => row.kind === "message");
  if (!step || !messages.length) return;
  event.preventDefault();
  const from = target.dataset.key ?? scroller.sight()?.[1];
  const at = messages.findIndex((row) => row.key === from);
  const start = target.dataset.key ? at + step : at === -1 ? messages.length - 1 : at;
  const next = messages[Math.max(0, Math.min(start, messages.length - 1))]!;
  focusOn(next.key, scroller, target.closest(".timeline")!);
}

function focusOn(key: string, scroller: ScrollerHandle, within: Element): void {
  const found = () => within.querySelector<HTMLElement>(`.message[data-key="${CSS.escape(key)}"]`);
  const there = found();
  if (there) {
    there.focus({ preventScroll: true });
    there.scrollIntoView({ block: "nearest" });
    return;
  }
  scroller.to(key, "center");
  requestAnimationFrame(() => requestAnimationFrame(() => found()?.focus({ preventScroll: true })));
}
