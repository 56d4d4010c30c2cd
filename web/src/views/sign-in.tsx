/** The door: sign in, or make an account. */

import { useSignal } from "@preact/signals";
import { MatrixError } from "matrix-js-sdk";

import { endedElsewhere, register, signIn } from "../matrix/session";
import { language, speak, words } from "../words";

const w = words({
  title: ["봉수", "Bongsu"],
  lead: ["데이터센터 하나가 멈춰도 이어지는 메신저", "The messenger that goes on when a data centre stops"],
  ended: ["이 기기의 로그인이 다른 곳에서 끝났습니다. 다시 로그인해 주세요.", "This device was signed out elsewhere. Please sign in again."],
  name: ["아이디", "Username"],
  password: ["비밀번호", "Password"],
  enter: ["로그인", "Sign in"],
  make: ["계정 만들기", "Create account"],
  toMake: ["처음이신가요? 계정 만들기", "New here? Create an account"],
  toEnter: ["계정이 있으신가요? 로그인", "Have an account? Sign in"],
  other: ["English", "한국어"],
  unreachable: ["서버에 닿지 않습니다. 잠시 뒤 다시 시도해 주세요.", "The server cannot be reached. Please try again in a moment."],
});

export function SignIn() {
  const making = useSignal(false);
  const busy = useSignal(false);
  const wrong = useSignal("");

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    busy.value = true;
    wrong.value = "";
    try {
      await (making.value ? register : signIn)(String(given.get("name")), String(given.get("password")));
    } catch (error) {
      wrong.value = error instanceof MatrixError ? error.data.error ?? error.message : w.unreachable;
    } finally {
      busy.value = false;
    }
  };

  return (
    <main class="door">
      <img src="/icon.svg" alt="" width="72" height="72" />
      <h1>{w.title}</h1>
      <p class="quiet">{w.lead}</p>
      {endedElsewhere.value && <p role="alert">{w.ended}</p>}
      <form onSubmit={submit}>
        <label for="name">{w.name}</label>
        <input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck={false} required />
        <label for="password">{w.password}</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete={making.value ? "new-password" : "current-password"}
          required
        />
        {wrong.value && <p class="error" role="alert">{wrong.value}</p>}
        <button class="primary" disabled={busy.value}>{making.value ? w.make : w.enter}</button>
      </form>
      <button class="plain" onClick={() => (making.value = !making.value)}>{making.value ? w.toEnter : w.toMake}</button>
      <button class="plain" onClick={() => speak(language.value === "ko" ? "en" : "ko")}>{w.other}</button>
    </main>
  );
}
