/** At the door: a forgotten password. First a letter is asked for, then, with its link opened, another password set. */

import { useSignal } from "@preact/signals";
import { MatrixError } from "matrix-js-sdk";
import { useEffect, useRef } from "preact/hooks";

import { askForLetter, letter, NotOpened, remember, setPassword } from "../matrix/password-reset";
import { doorWords } from "../ui/door-words";
import { PasswordField } from "../ui/password-field";
import { type Acting, useAct } from "../ui/use-act";
import { words } from "../words";

const w = words({
  lead: [
    "계정에 등록한 이메일 주소로 링크를 보내 드립니다.",
    "We send a link to the e-mail address of your account.",
  ],
  email: ["이메일 주소", "E-mail address"],
  send: ["링크 보내기", "Send the link"],
  sent: [
    (email: string) => `${email} 주소를 쓰는 계정이 있으면 편지가 갑니다. 편지 속 링크를 연 다음, 여기에서 새 비밀번호를 정하세요.`,
    (email: string) => `If an account has the address ${email}, a letter is on its way. Open the link in it, then choose a new password here.`,
  ],
  password: ["새 비밀번호", "New password"],
  others: ["다른 기기에서 모두 로그아웃", "Sign out of all other devices"],
  othersHint: [
    "암호화된 대화를 다른 기기에서만 읽을 수 있다면 끄세요.",
    "Clear this if your encrypted chats can be read on another device only.",
  ],
  set: ["비밀번호 바꾸고 로그인", "Change it and sign in"],
  again: ["다시 보내기", "Send it again"],
  sentAgain: ["한 번 더 보냈습니다.", "It was sent once more."],
  another: ["다른 주소 쓰기", "Use another address"],
  notOpened: [
    "아직 편지의 링크를 열지 않았거나, 링크가 한 시간이 지나 만료되었습니다.",
    "The link in the letter has not been opened yet, or it is older than an hour.",
  ],
  unknown: ["이 주소를 쓰는 계정이 없습니다.", "No account has this address."],
  signIn: ["비밀번호를 바꾸었습니다. 로그인해 주세요.", "The password has been changed. Please sign in."],
});

/** `onChanged`: the password is new, but signing in with it has failed; why is said there. */
export function Forgotten({ onChanged }: { onChanged(why: string): void }) {
  const { busy, wrong, run } = useAct(inWords);
  return (
    <>
      {letter.value ? <Anew run={run} busy={busy} onChanged={onChanged} /> : <Ask run={run} busy={busy} />}
      {wrong && <p class="error" role="alert">{wrong}</p>}
    </>
  );
}

function inWords(error: unknown): string {
  if (error instanceof NotOpened) return w.notOpened;
  const isUnknown = error instanceof MatrixError && error.errcode === "M_THREEPID_NOT_FOUND"; // some servers tell
  return isUnknown ? w.unknown : doorWords(error);
}

type Step = Pick<Acting, "busy" | "run">;

function Ask({ busy, run }: Step) {
  return (
    <form
      aria-busy={busy}
      onSubmit={(event) => {
        event.preventDefault();
        const email = String(new FormData(event.currentTarget).get("email")).trim();
        void run(() => askForLetter(email));
      }}
    >
      <p class="quiet">{w.lead}</p>
      <label for="email">{w.email}</label>
      <input id="email" name="email" type="email" autocomplete="email" required maxLength={254} />
      <button class="primary" disabled={busy}>{w.send}</button>
    </form>
  );
}

function Anew({ busy, run, onChanged }: Step & { onChanged(why: string): void }) {
  const { email } = letter.value!;
  const said = useRef<HTMLParagraphElement>(null);
  const isAgain = useSignal(false);
  useEffect(() => said.current?.focus(), []);
  const submit = async (form: HTMLFormElement) => {
    const given = new FormData(form);
    await setPassword(String(given.get("new-password")), given.has("others")).catch((error) => {
      if (letter.peek()) throw error;
      onChanged(w.signIn); // the letter is spent: only signing in has failed
    });
  };
  const sendAgain = async () => {
    isAgain.value = false;
    await askForLetter(email);
    isAgain.value = true;
  };
  return (
    <form
      aria-busy={busy}
      onSubmit={(event) => {
        event.preventDefault();
        const form = event.currentTarget;
        void run(() => submit(form));
      }}
    >
      <p ref={said} class="told-here" tabIndex={-1}>{w.sent(email)}</p>
      {isAgain.value && <p class="quiet" role="status">{w.sentAgain}</p>}
      <input type="email" name="username" autocomplete="username" value={email} readOnly hidden />
      <PasswordField id="new-password" label={w.password} isNew />
      <label class="check">
        <input type="checkbox" name="others" defaultChecked aria-describedby="others-hint" /> {w.others}
      </label>
      <p id="others-hint" class="hint quiet">{w.othersHint}</p>
      <button class="primary" disabled={busy}>{w.set}</button>
      <div class="answers">
        <button type="button" class="plain" disabled={busy} onClick={() => void run(sendAgain)}>{w.again}</button>
        <button type="button" class="plain" onClick={() => remember(null)}>{w.another}</button>
      </div>
    </form>
  );
}
