/** To another e-mail address for the account, the second step: the letter is out, and its link is to be opened. */

import { useEffect, useRef } from "preact/hooks";

import { askForLetter, forgetLetter } from "../../matrix/email-addresses";
import type { Letter } from "../../matrix/letter";
import { words } from "../../words";
import { type Step, typed } from "./email-ask";

const w = words({
  sent: [
    (email: string) => `${email} 주소로 편지를 보냈습니다. 편지 속 링크를 열어 확인한 다음, 여기에서 이어 가세요.`,
    (email: string) => `A letter is on its way to ${email}. Open the link in it and confirm, then go on here.`,
  ],
  none: [
    "편지가 보이지 않으면 스팸함도 살펴보세요. 다른 계정이 쓰는 주소로는 편지가 가지 않습니다.",
    "If you see none, look among the spam too. None goes to an address that another account uses.",
  ],
  confirmed: ["확인했습니다", "I have confirmed it"],
  again: ["다시 보내기", "Send it again"],
  sentAgain: [
    (letters: number) => `편지를 ${letters}번 보냈습니다. 마지막 편지의 링크만 쓸 수 있습니다.`,
    (letters: number) => `It was sent ${letters} times. Only the link in the last letter works.`,
  ],
  another: ["다른 주소 쓰기", "Use another address"],
});

interface Shown extends Step {
  letter: Letter;
  onConfirmed(): void;
}

export function LetterSent({ letter: { email, attempt }, busy, run, pressed, onConfirmed }: Shown) {
  const said = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    if (pressed.current) said.current?.focus();
  }, []);
  const turn = () =>
    run(async () => {
      pressed.current = true;
      typed.value = email; // a slip is mended, not typed anew
      forgetLetter();
    });
  return (
    <>
      <p ref={said} class="told-here" tabIndex={-1}>{w.sent(email)}</p>
      <p class="quiet" role="status">{attempt > 1 ? w.sentAgain(attempt) : w.none}</p>
      <p class="answers">
        <button class="primary" onClick={onConfirmed}>{w.confirmed}</button>
        <button aria-disabled={busy} onClick={() => busy || void run(() => askForLetter(email))}>{w.again}</button>
        <button class="plain" disabled={busy} onClick={() => void turn()}>{w.another}</button>
      </p>
    </>
  );
}
