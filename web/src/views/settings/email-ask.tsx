/** To another e-mail address for the account, the first step: which one, and a letter is sent there. */

import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { onClient } from "../../matrix/client";
import { askForLetter } from "../../matrix/email-addresses";
import type { Acting } from "../../ui/use-act";
import { words } from "../../words";
import { AlreadyOwn } from "./email-words";

const ADDRESS_LENGTH_MAX = 254;

const w = words({
  open: ["이메일 주소 추가", "Add an e-mail address"],
  address: ["이메일 주소", "E-mail address"],
  send: ["링크 보내기", "Send the link"],
  no: ["취소", "Cancel"],
});

/** What stands in the field; it outlives the view. */
export const typed = signal("");
onClient(() => {
  typed.value = "";
});

/** A step: `pressed` once the person has come to it by a press, not by opening the settings. */
export interface Step extends Pick<Acting, "busy" | "run"> {
  pressed: { current: boolean };
}

export function AskForLetter({ own, ...step }: Step & { own: readonly string[] }) {
  const isOpen = useSignal(typed.peek() !== "");
  if (isOpen.value) return <Form own={own} {...step} onClose={() => (isOpen.value = false)} />;
  const open = () => {
    step.pressed.current = true;
    isOpen.value = true;
  };
  return <p class="answers"><button ref={step.pressed.current ? focus : null} onClick={open}>{w.open}</button></p>;
}

function Form({ own, busy, run, pressed, onClose }: Step & { own: readonly string[]; onClose(): void }) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (pressed.current) field.current?.focus();
  }, []);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (busy) return;
    const email = typed.peek().trim();
    void run(async () => {
      if (own.includes(email.toLowerCase())) throw new AlreadyOwn();
      pressed.current = true;
      await askForLetter(email);
      typed.value = "";
    });
  };
  const cancel = () => {
    void run(async () => (typed.value = "")); // what was wrong with it is no longer said
    onClose();
  };
  return (
    <form onSubmit={submit} aria-busy={busy}>
      <label for="new-email">{w.address}</label>
      <input
        ref={field} id="new-email" type="email" autocomplete="email" required maxLength={ADDRESS_LENGTH_MAX} value={typed.value}
        onInput={(event) => (typed.value = event.currentTarget.value)}
      />
      <p class="answers">
        <button type="button" onClick={cancel}>{w.no}</button>
        <button class="primary" aria-disabled={busy}>{w.send}</button>
      </p>
    </form>
  );
}

function focus(element: HTMLElement | null): void {
  element?.focus();
}
