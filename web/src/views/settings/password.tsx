/** Another password, with the old one to prove who asks. */

import { useSignal } from "@preact/signals";

import { matrix } from "../../matrix/client";
import { doorWords } from "../../ui/door-words";
import { isRefused, passwordAuth } from "../../ui/password-dialog";
import { PasswordField } from "../../ui/password-field";
import { tell } from "../../ui/question";
import { useAct } from "../../ui/use-act";
import { words } from "../../words";

const w = words({
  title: ["비밀번호", "Password"],
  change: ["비밀번호 바꾸기", "Change password"],
  old: ["지금 비밀번호", "Current password"],
  next: ["새 비밀번호", "New password"],
  others: ["다른 기기에서 모두 로그아웃", "Sign out all other devices"],
  changed: ["비밀번호를 바꿨습니다.", "The password has been changed."],
  wrong: ["지금 비밀번호가 맞지 않습니다.", "The current password is not right."],
});

export function Password() {
  const open = useSignal(false);
  const { busy, wrong, run } = useAct((error) => (isRefused(error) ? w.wrong : doorWords(error)));
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    void run(async () => {
      const auth = passwordAuth(String(given.get("old-password")));
      await matrix().setPassword(auth, String(given.get("new-password")), given.has("others"));
      open.value = false;
      tell(w.changed);
    });
  };
  return (
    <section class="card" id="password" aria-labelledby="password-title">
      <h2 id="password-title" tabIndex={-1}>{w.title}</h2>
      {open.value ? (
        <form onSubmit={submit}>
          <PasswordField id="old-password" label={w.old} />
          <PasswordField id="new-password" label={w.next} isNew />
          <label class="check"><input type="checkbox" name="others" defaultChecked /> {w.others}</label>
          {wrong && <p class="error" role="alert">{wrong}</p>}
          <p class="answers"><button class="primary" disabled={busy}>{w.change}</button></p>
        </form>
      ) : (
        <button onClick={() => (open.value = true)}>{w.change}</button>
      )}
    </section>
  );
}
