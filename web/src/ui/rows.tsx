/**
 * A list of rows of one height, of which only those in sight are in the page once there are many.
 * Arrow keys, Home and End go from row to row; one row alone is a stop of the Tab key.
 */

import type { ComponentChild } from "preact";
import { useCallback, useLayoutEffect, useRef, useState } from "preact/hooks";

import "./rows.css";

const WINDOWED_FROM = 100; // rows; fewer are all there
const BEYOND_SIGHT = 10; // rows kept on either side
const ROW_PIXELS = 72; // until one has been measured

interface Shown<T extends { id: string }> {
  label: string;
  rows: readonly T[];
  current?: string | null; // id of the row one is at
  /** Give what opens the row this tabIndex and the class "opens". */
  children(row: T, tabIndex: 0 | -1): ComponentChild;
}

export function Rows<T extends { id: string }>({ label, rows, current, children }: Shown<T>) {
  const box = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useState(ROW_PIXELS);
  const [stop, setStop] = useState<string | null>(null); // the row last focused
  const [from, to] = useInSight(box, rows.length, height);

  useLayoutEffect(() => {
    const measured = box.current!.querySelector("li")?.getBoundingClientRect().height;
    if (measured && measured !== height) setHeight(measured);
  });

  const at = Math.max(0, rows.findIndex(({ id }) => id === (stop ?? current)));
  const move = (event: KeyboardEvent) => {
    const next = target(event.key, at, rows.length);
    if (next === null || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    setStop(rows[next]!.id);
    reveal(box.current!, next, height);
    requestAnimationFrame(() => box.current?.querySelector<HTMLElement>(`li[data-at="${next}"] .opens`)?.focus());
  };

  return (
    <div ref={box} class="rows">
      <ul aria-label={label} onKeyDown={move} style={{ height: `${rows.length * height}px` }}>
        {rows.slice(from, to).map((row, index) => (
          <li
            key={row.id}
            data-at={from + index}
            aria-setsize={rows.length}
            aria-posinset={from + index + 1}
            style={{ transform: `translateY(${(from + index) * height}px)` }}
            onFocusCapture={() => setStop(row.id)}
          >
            {children(row, from + index === at ? 0 : -1)}
          </li>
        ))}
      </ul>
    </div>
  );
}

function target(key: string, at: number, total: number): number | null {
  if (!total) return null;
  switch (key) {
    case "ArrowDown":
      return Math.min(at + 1, total - 1);
    case "ArrowUp":
      return Math.max(at - 1, 0);
    case "Home":
      return 0;
    case "End":
      return total - 1;
    default:
      return null;
  }
}

function reveal(box: HTMLElement, at: number, height: number): void {
  if (at * height < box.scrollTop) box.scrollTop = at * height;
  else if ((at + 1) * height > box.scrollTop + box.clientHeight) box.scrollTop = (at + 1) * height - box.clientHeight;
}

/** First and past the last row in the page; asks for a new drawing only when a row comes into sight. */
function useInSight(box: { current: HTMLElement | null }, total: number, height: number): [number, number] {
  const [sight, setSight] = useState<readonly [number, number]>([0, 2 * BEYOND_SIGHT]);
  const look = useCallback(() => {
    const { scrollTop, clientHeight } = box.current!;
    const first = Math.floor(scrollTop / height);
    const last = Math.ceil((scrollTop + clientHeight) / height);
    setSight((before) => (before[0] === first && before[1] === last ? before : [first, last]));
  }, [height]);
  useLayoutEffect(() => {
    if (total <= WINDOWED_FROM) return undefined;
    const element = box.current!;
    const watcher = new ResizeObserver(look);
    watcher.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    look();
    return () => {
      watcher.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, [look, total > WINDOWED_FROM]);
  if (total <= WINDOWED_FROM) return [0, total];
  return [Math.max(0, Math.min(sight[0], total) - BEYOND_SIGHT), Math.min(total, sight[1] + BEYOND_SIGHT)];
}
