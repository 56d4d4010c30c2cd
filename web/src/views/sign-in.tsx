/** The door: sign in, or make an account as far as the server lets one. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { isOffered, letter } from "../matrix/password-reset";
import { endedElsewhere, register, type Registration, registration, signIn } from "../matrix/session";
import { place } from "../router";
import { doorWords } from "../ui/door-words";
import { later } from "../ui/later";
import { touch } from "../ui/touch";
import { language, speak, words } from "../words";
import { PasswordField } from "../ui/password-field";
import "./sign-in.css";

const PASSWORD_LETTERS_MIN = 8; // of a new account; the server may ask for more

const w = words({
  title: ["봉수", "Bongsu"],
  lead: ["데이터센터 하나가 멈춰도 이어지는 메신저", "The messenger that goes on when a data centre stops"],
  ended: [
    "이 기기의 로그인이 다른 곳에서 끝났습니다. 다시 로그인해 주세요. 쓰던 글은 남아 있습니다.",
    "This device was signed out elsewhere. Please sign in again. What you were writing is kept.",
  ],
  invited: ["초대를 받으셨네요. 로그인하면 이어집니다.", "You have been invited. Sign in to go on."],
  name: ["아이디", "Username"],
  nameHint: ["영문 소문자와 숫자, . _ - 만 쓸 수 있습니다.", "Small letters a to z, digits, and . _ -"],
  shown: ["이름 (다른 사람에게 보입니다)", "Your name (others see it)"],
  password: ["비밀번호", "Password"],
  passwordHint: [`${PASSWORD_LETTERS_MIN}자 이상`, `${PASSWORD_LETTERS_MIN} characters or more`],
  short: [`비밀번호를 ${PASSWORD_LETTERS_MIN}자 이상으로 지어 주세요.`, `Please choose a password of ${PASSWORD_LETTERS_MIN} characters or more.`],
  token: ["가입 코드", "Registration code"],
  tokenHint: ["이 서버는 코드를 받은 사람만 가입할 수 있습니다.", "This server takes people who were given a code."],
  closed: [
    "이 서버에서는 스스로 가입할 수 없습니다. 운영자에게 계정을 부탁하세요.",
    "Nobody can make an account here by themselves. Ask the operator for one.",
  ],
  enter: ["로그인", "Sign in"],
  make: ["계정 만들기", "Create account"],
  toMake: ["처음이신가요? 계정 만들기", "New here? Create an account"],
  forgotten: ["비밀번호를 잊으셨나요?", "Forgot your password?"],
  anew: ["새 비밀번호", "New password"],
  toEnter: ["계정이 있으신가요? 로그인", "Have an account? Sign in"],
  other: ["English", "한국어"],
});

const Forgotten = later(() => import("./forgotten").then((part) => part.Forgotten));

export function SignIn() {
  const making = useSignal(false);
  const offered = useSignal(false); // a way back for who has forgotten the password
  const forgotten = useSignal(letter.peek() !== null);
  const open = useSignal<Registration | null>(null); // not asked yet
  const wrong = useSignal("");
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = w.title;
  }, [language.value]);
  useEffect(() => void isOffered().then((is) => (offered.value = is)), []);

  const turnTo = (isForgotten: boolean, why = "") => {
    forgotten.value = isForgotten;
    wrong.value = why;
    heading.current?.focus();
  };
  const turn = async () => {
    if (!forgotten.value) making.value = !making.value;
    turnTo(false);
    if (!making.value || open.value) return;
    try {
      open.value = await registration();
    } catch (error) {
      wrong.value = doorWords(error);
    }
  };

  return (
    <main class="door">
      <div class="sheet">
        <img src="/icon.svg" alt="" width="72" height="72" />
        <h1 ref={heading} tabIndex={-1}>{forgotten.value ? w.anew : making.value ? w.make : w.title}</h1>
        <p class="quiet">{w.lead}</p>
        {endedElsewhere.value && <p class="told-here" role="alert">{w.ended}</p>}
        {place.value.view === "join" && <p class="told-here">{w.invited}</p>}
        {forgotten.value && <Forgotten onChanged={(why) => turnTo(false, why)} />}
        {!forgotten.value && (making.value && open.value === "closed" ? <p class="told-here" role="status">{w.closed}</p> : (
          <Form making={making.value} needsToken={making.value && open.value === "token"} wrong={wrong} />
        ))}
        {offered.value && !forgotten.value && !making.value && <button class="plain" onClick={() => turnTo(true)}>{w.forgotten}</button>}
        <button class="plain turn" onClick={() => void turn()}>{forgotten.value || making.value ? w.toEnter : w.toMake}</button>
      </div>
      <button class="plain language" lang={language.value === "ko" ? "en" : "ko"} onClick={() => speak(language.value === "ko" ? "en" : "ko")}>
        {w.other}
      </button>
    </main>
  );
}

interface Filled {
  making: boolean;
  needsToken: boolean;
  wrong: { value: string };
}

/** What was typed stays through a refusal, a change of language and a turn between the two forms. */
function Form({ making, needsToken, wrong }: Filled) {
  const busy = useSignal(false);

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const field = (name: string) => String(given.get(name) ?? "");
    wrong.value = making && field("password").length < PASSWORD_LETTERS_MIN ? w.short : "";
    if (wrong.value) return;
    busy.value = true;
    try {
      if (making) await register(field("name"), field("password"), field("token"), field("shown"));
      else await signIn(field("name"), field("password"));
    } catch (error) {
      wrong.value = doorWords(error, making);
    } finally {
      busy.value = false;
    }
  };

  return (
    <form onSubmit={(event) => void submit(event)} aria-busy={busy.value}>
      {making && (
        <>
          <label for="shown">{w.shown}</label>
          <input id="shown" name="shown" autocomplete="name" maxLength={256} dir="auto" />
        </>
      )}
      <label for="name">{w.name}</label>
      <input
        id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck={false} required autoFocus={!touch.matches}
        aria-describedby={making ? "name-hint" : undefined}
      />
      {making && <p id="name-hint" class="hint quiet">{w.nameHint}</p>}
      <PasswordField id="password" label={w.password} isNew={making} hint={making ? "password-hint" : undefined} />
      {making && <p id="password-hint" class="hint quiet">{w.passwordHint}</p>}
      {needsToken && (
        <>
          <label for="token">{w.token}</label>
          <input id="token" name="token" autocomplete="off" autocapitalize="none" spellcheck={false} required aria-describedby="token-hint" />
          <p id="token-hint" class="hint quiet">{w.tokenHint}</p>
        </>
      )}
      {wrong.value && <p class="error" role="alert">{wrong.value}</p>}
      <button class="primary" disabled={busy.value}>{making ? w.make : w.enter}</button>
    </form>
  );
}
