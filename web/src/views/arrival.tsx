/**
 * Coming to another place: the page gets its title, and the focus goes where reading begins, so that a keyboard or a
 * screen reader is not left on a button that is gone. In a room it goes where one writes, unless that calls up the
 * keyboard of a phone. Whatever takes the focus itself keeps it.
 */

import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

import { attention, rowsById } from "../matrix/rooms";
import { address, type Place } from "../router";
import { touch } from "../ui/touch";
import { words } from "../words";

const w = words({
  skip: ["대화로 건너뛰기", "Skip to the content"],
  product: ["봉수", "Bongsu"],
  people: ["친구", "Friends"],
  new: ["새 단체 대화", "New group"],
  join: ["초대", "Invitation"],
  outages: ["장애", "Outages"],
  settings: ["설정", "Settings"],
});

/** Returns where the place is to be drawn. */
export function useArrival(at: Place): RefObject<HTMLElement | null> {
  const main = useRef<HTMLElement | null>(null);
  const before = useRef(placeOf(at));
  const { unread } = attention.value;
  const title = [titleOf(at), w.product].filter(Boolean).join(" · ");
  useLayoutEffect(() => {
    document.title = unread ? `(${unread}) ${title}` : title;
  }, [title, unread]);
  useLayoutEffect(() => {
    if (before.current === placeOf(at)) return;
    before.current = placeOf(at);
    if (main.current?.contains(document.activeElement)) return;
    const writing = touch.matches ? null : main.current?.querySelector<HTMLElement>(".composer textarea");
    if (writing) return writing.focus({ preventScroll: true });
    const heading = main.current?.querySelector<HTMLElement>("h1, h2");
    if (heading && !heading.hasAttribute("tabindex")) heading.tabIndex = -1;
    (heading ?? main.current)?.focus({ preventScroll: true });
  });
  return main;
}

export function SkipLink({ to }: { to: RefObject<HTMLElement | null> }) {
  return <button class="skip" onClick={() => to.current?.focus()}>{w.skip}</button>;
}

/** A panel, a thread or an event within a room is the same place. */
function placeOf(at: Place): string {
  return at.view === "room" ? address({ view: "room", roomId: at.roomId }) : address(at);
}

function titleOf(at: Place): string {
  if (at.view === "rooms") return "";
  if (at.view === "room") return rowsById.value.get(at.roomId)?.name ?? "";
  return w[at.view];
}
