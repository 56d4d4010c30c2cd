/** The frame of what is beside a room: its title and the way out; over the room on a narrow page. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { go } from "../../router";
import { Icon } from "../../ui/icon";
import { words } from "../../words";

const w = words({ close: ["닫기", "Close"] });

export function Side({ roomId, title, children }: { roomId: string; title: string; children: ComponentChildren }) {
  const box = useRef<HTMLElement>(null);
  const close = () => go({ view: "room", roomId });
  useEffect(() => box.current?.focus({ preventScroll: true }), []);
  return (
    <aside
      ref={box}
      class="side"
      aria-label={title}
      tabIndex={-1}
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
