/**
 * A question before something that cannot be taken back, and a quiet word when something went wrong or well.
 *
 *     if (await ask({ title: w.leave, text: w.leaveText, yes: w.leave, danger: true })) …
 *     tell(w.copied)
 *
 * `Asked` is drawn once, by the page.
 */

import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";

import { words } from "../words";
import { Dialog } from "./dialog";
import "./question.css";

const WORD_SHOWN_MS = 5_000;

const w = words({ no: ["취소", "Cancel"] });

export interface Question {
  title: string;
  text?: string;
  yes: string; // what is done
  danger?: boolean;
}

const asked = signal<(Question & { answer(yes: boolean): void }) | null>(null);
const told = signal("");
let silence = 0;

/** False also when the person turned away, or another question came. */
export function ask(question: Question): Promise<boolean> {
  asked.peek()?.answer(false);
  return new Promise((resolve) => {
    asked.value = {
      ...question,
      answer: (yes) => {
        asked.value = null;
        resolve(yes);
      },
    };
  });
}

/** Say it at the foot of the page, to eyes and to screen readers, for a while. */
export function tell(word: string): void {
  clearTimeout(silence);
  told.value = word;
  silence = window.setTimeout(() => (told.value = ""), WORD_SHOWN_MS);
}

export function Asked() {
  const question = asked.value;
  return (
    <>
      {question && (
        <Dialog title={question.title} onClose={() => question.answer(false)}>
          {question.text && <p>{question.text}</p>}
          <div class="answers">
            <button onClick={() => question.answer(false)}>{w.no}</button>
            <button class={question.danger ? "danger" : "primary"} onClick={() => question.answer(true)}>{question.yes}</button>
          </div>
        </Dialog>
      )}
      <Told />
    </>
  );
}

/** Over everything, an open dialog too. */
function Told() {
  const box = useRef<HTMLDivElement>(null);
  const word = told.value;
  useLayoutEffect(() => {
    if (!word) return undefined;
    const shown = box.current!;
    shown.showPopover();
    return () => shown.hidePopover();
  }, [word]);
  return (
    <div class="told" role="status">
      <div ref={box} popover="manual">{word}</div>
    </div>
  );
}
