/** The last way: a new identity, when neither a device nor the recovery key is left. What is lost is said first. */

import { useSignal } from "@preact/signals";
import { MatrixError } from "matrix-js-sdk";

import { resetIdentity } from "../../matrix/crypto-identity";
import { Dialog } from "../../ui/dialog";
import { words } from "../../words";
import { open, shut } from "./open";

const w = words({
  title: ["암호화 초기화", "Reset encryption"],
  text: ["다른 기기도 복구 키도 없을 때만 초기화하세요.", "Do this only if you have neither another device nor the recovery key."],
  loses: [
    "지금 이 기기에서 읽을 수 없는 지난 암호화된 메시지는 영영 읽을 수 없게 됩니다.",
    "Earlier encrypted messages that this device cannot read now can never be read again.",
  ],
  others: ["내 다른 기기를 모두 다시 확인해야 합니다.", "Each of your other devices has to be confirmed anew."],
  friends: ["나를 확인했던 친구들은 내 신원이 바뀌었다는 알림을 받습니다.", "Friends who had confirmed you are told that your identity has changed."],
  keeps: ["대화방, 친구, 암호화되지 않은 메시지는 그대로입니다.", "Your rooms, your friends and messages that are not encrypted stay."],
  password: ["비밀번호", "Password"],
  understood: ["무엇을 잃는지 알겠습니다", "I understand what is lost"],
  reset: ["초기화", "Reset"],
  busy: ["초기화하는 중…", "Resetting…"],
  wrong: ["비밀번호가 맞지 않습니다.", "This is not your password."],
  failed: ["초기화하지 못했습니다. 잠시 뒤 다시 시도해 주세요.", "It did not work. Please try again in a moment."],
});

export function Reset() {
  const understood = useSignal(false);
  const busy = useSignal(false);
  const wrong = useSignal("");

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    const password = String(new FormData(event.currentTarget as HTMLFormElement).get("password"));
    busy.value = true;
    wrong.value = "";
    try {
      await resetIdentity(password);
      open("make-key"); // the old recovery key opens nothing any more
    } catch (error) {
      const refused = error instanceof MatrixError && [401, 403].includes(error.httpStatus ?? 0);
      if (!refused) console.warn("encryption was not reset:", error);
      wrong.value = refused ? w.wrong : w.failed;
    } finally {
      busy.value = false;
    }
  };

  return (
    <Dialog title={w.title} onClose={shut}>
      <form onSubmit={submit}>
        <p>{w.text}</p>
        <ul class="losses">
          <li>{w.loses}</li>
          <li>{w.others}</li>
          <li>{w.friends}</li>
          <li>{w.keeps}</li>
        </ul>
        <label class="tick">
          <input type="checkbox" checked={understood.value} onChange={(event) => (understood.value = event.currentTarget.checked)} />
          {w.understood}
        </label>
        <label for="reset-password">{w.password}</label>
        <input id="reset-password" name="password" type="password" autocomplete="current-password" required />
        {wrong.value && <p class="error" role="alert">{wrong.value}</p>}
        <div class="answers">
          <button class="danger" disabled={!understood.value || busy.value}>{busy.value ? w.busy : w.reset}</button>
        </div>
      </form>
    </Dialog>
  );
}
