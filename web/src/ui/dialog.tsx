/**
 * A dialog over the page: the browser's own, so the keyboard stays inside, Escape closes it and the focus goes back.
 * `onClose` is told of every way out; what shows the dialog then stops to.
 */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

import { words } from "../words";
import "./dialog.css";

const w = words({ close: ["닫기", "Close"] });

interface Shown {
  title: string;
  onClose(): void;
  children: ComponentChildren;
}

export function Dialog({ title, onClose, children }: Shown) {
  const box = useRef<HTMLDialogElement>(null);
  const name = useId();
  useEffect(() => {
    const dialog = box.current!;
    const before = document.activeElement;
    dialog.showModal();
    return () => {
      dialog.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={box}
      class="dialog"
      aria-labelledby={name}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === box.current) onClose(); // beside the sheet
      }}
    >
      <div class="sheet">
        <header>
          <h2 id={name}>{title}</h2>
          <button type="button" class="plain close" aria-label={w.close} onClick={onClose}>✕</button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
