/** The frame of what is beside a room: its title and the way out; over the room on a narrow page. */

import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";

import { goBack } from "../../router";
import { Icon } from "../../ui/icon";
import { swipes } from "../../ui/swipe";
import { words } from "../../words";

const COVERS = "(max-width: 74.99rem)"; // as in room.css: it lies over the room

const w = words({ close: ["닫기", "Close"] });

/** A finger puts it away where it lies over the room. */
export function drawnAside(close: () => void) {
  return swipes(() => matchMedia(COVERS).matches && close());
}

export function Side({ roomId, title, children }: { roomId: string; title: string; children: ComponentChildren }) {
  const box = useRef<HTMLElement>(null);
  const close = () => goBack({ view: "room", roomId });
  const swipe = useMemo(() => drawnAside(close), [roomId]);
  useEffect(() => box.current?.focus({ preventScroll: true }), []);
  return (
    <aside
      ref={box}
      class="side"
      aria-label={title}
      tabIndex={-1}
      {...swipe}
      onKeyDown={(event) => event.key === "Escape" && !event.defaultPrevented && event.target === box.current && close()}
    >
      <header class="side-head">
        <h2>{title}</h2>
        <button class="plain square" aria-label={w.close} title={w.close} onClick={close}><Icon name="close" /></button>
      </header>
      {children}
    </aside>
  );
}
