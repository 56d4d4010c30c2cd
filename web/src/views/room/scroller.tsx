/**
 * A long list of which only what is in sight is in the page, that keeps its place as a reader expects.
 *
 * At the end it stays at the end, whatever grows; elsewhere it stays where it is when rows come or go before, behind
 * or within what is seen. `onNear` asks for more before an end comes into sight.
 */

import type { ComponentChild, Ref } from "preact";
import { useEffect, useImperativeHandle, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Virtualizer, type VirtualizerHandle } from "virtua";

const AT_END_PIXELS = 48; // so close to the end counts as there
const NEAR_SCREENS = 3; // ask for more when so many screens are left
const BUFFER_PIXELS = 600; // drawn beyond what is seen
const AIMED_MS = 1_000; // rows are measured after they were drawn: a place is aimed at anew meanwhile
const HAND_MS = 1_500; // what moves so soon after wheel, touch or key was moved by them
const HELD_MS = 15_000; // the same after a press: it may hold the scroll bar, which tells nothing more

export interface ScrollerHandle {
  toEnd(): void;
  /** False if there is no such row. */
  to(key: string, align: "start" | "center"): boolean;
  /** Keys of the first and the last row in sight. */
  sight(): [string, string] | null;
}

interface Keyed {
  key: string;
}

interface Shown<R extends Keyed> {
  rows: readonly R[];
  draw(row: R): ComponentChild;
  onNear(side: "start" | "end"): void;
  onMove(atEnd: boolean): void;
  label: string;
  children?: ComponentChild; // over the list, within its frame
  handle: Ref<ScrollerHandle>;
}

export function Scroller<R extends Keyed>({ rows, draw, onNear, onMove, label, children, handle }: Shown<R>) {
  const { shown, shift } = useSteps(rows);
  const frame = useRef<HTMLDivElement>(null);
  const list = useRef<VirtualizerHandle>(null);
  const atEnd = useRef(true);
  const handUntil = useRef(0); // only a hand leaves the end: the list itself moves too while rows come and are measured
  const offset = useRef(0); // when last looked at
  const again = useRef(0); // the frame in which the end is looked for once more
  const aim = useRef<{ key: string; align: "start" | "center" } | null>(null);

  const toEnd = () => {
    aim.current = null;
    atEnd.current = true;
    const at = list.current;
    if (!at) return;
    // By hand: the list's own way there goes on for a while, also against who scrolls meanwhile.
    frame.current!.scrollTop = at.scrollSize;
    cancelAnimationFrame(again.current);
    again.current = requestAnimationFrame(() => {
      look();
      if (frame.current && atEnd.current && !aim.current) frame.current.scrollTop = at.scrollSize; // as measured since
    });
  };
  /** To the place aimed at, as far as the rows before it have been measured. */
  const toAim = () => {
    const at = list.current;
    const index = aim.current ? shown.findIndex((row) => row.key === aim.current!.key) : -1;
    if (!at || index === -1) return;
    const above = aim.current!.align === "center" ? (at.viewportSize - at.getItemSize(index)) / 2 : 0;
    frame.current!.scrollTop = at.getItemOffset(index) - Math.max(above, 0);
  };
  const look = () => {
    const at = list.current;
    if (!at || !frame.current || !shown.length) return;
    const top = frame.current.scrollTop; // as it is: the list learns of it later
    const left = at.scrollSize - top - at.viewportSize;
    if (left < AT_END_PIXELS) atEnd.current = !aim.current;
    else if (top < offset.current - 1 && performance.now() < handUntil.current) atEnd.current = false;
    offset.current = top;
    onMove(atEnd.current);
    if (top < at.viewportSize * NEAR_SCREENS) onNear("start");
    if (left < at.viewportSize * NEAR_SCREENS) onNear("end");
  };

  useImperativeHandle(handle, (): ScrollerHandle => ({
    toEnd,
    to(key, align) {
      if (!shown.some((row) => row.key === key)) return false;
      atEnd.current = false;
      const aimed = { key, align };
      aim.current = aimed;
      toAim();
      setTimeout(() => {
        if (aim.current !== aimed) return;
        aim.current = null;
        look();
      }, AIMED_MS);
      return true;
    },
    sight() {
      const at = list.current;
      if (!at || !shown.length) return null;
      const first = shown[at.findItemIndex(at.scrollOffset)];
      const last = shown[at.findItemIndex(at.scrollOffset + at.viewportSize - 1)];
      return first && last ? [first.key, last.key] : null;
    },
  }));

  useLayoutEffect(() => {
    if (atEnd.current && !aim.current) toEnd();
  }, [shown]);
  useEffect(look, [shown]);

  const settle = () => {
    if (aim.current) return toAim();
    look(); // rows are measured before the scroll that brought them is told of
    if (atEnd.current) toEnd();
  };
  const byHand = (ms: number) => () => {
    aim.current = null;
    handUntil.current = performance.now() + ms;
  };

  const moved = byHand(HAND_MS);
  const byInput = { onWheel: moved, onTouchMove: moved, onKeyDown: moved, onPointerDown: byHand(HELD_MS) };

  return (
    <div class="scroller">
      <div class="frame" ref={frame} role="log" aria-label={label} aria-live="off" tabIndex={0} {...byInput}>
        <div class="push" />
        <Virtualizer ref={list} scrollRef={frame} data={shown as R[]} shift={shift} bufferSize={BUFFER_PIXELS} onScroll={look} onResize={settle}>
          {(row: R) => <div key={row.key}>{draw(row)}</div>}
        </Virtualizer>
      </div>
      {children}
    </div>
  );
}

/** Rows as drawn: what changes at both ends at once is drawn in two steps, since a list keeps its place at one end only. */
function useSteps<R extends Keyed>(rows: readonly R[]): { shown: readonly R[]; shift: boolean } {
  const [step, setStep] = useState<{ shown: readonly R[]; shift: boolean }>({ shown: rows, shift: false });
  useLayoutEffect(() => {
    if (step.shown === rows) return;
    setStep(nextStep(step.shown, rows));
  }, [rows, step]);
  return step;
}

function nextStep<R extends Keyed>(before: readonly R[], after: readonly R[]): { shown: readonly R[]; shift: boolean } {
  const places = new Map(after.map((row, place) => [row.key, place]));
  const first = before.findIndex((row) => places.has(row.key)); // the first that stays
  if (first === -1) return { shown: after, shift: false };
  const place = places.get(before[first]!.key)!;
  if (first === place) return { shown: after, shift: false };
  const sameEnd = before.length - first === after.length - place;
  return { shown: sameEnd ? after : [...after.slice(0, place), ...before.slice(first)], shift: true };
}
