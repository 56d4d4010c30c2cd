/** This device is opened with the recovery key: typed, pasted, or from the file that was saved. */

import { useSignal } from "@preact/signals";

import { openWithRecoveryKey, WrongRecoveryKey } from "../../matrix/crypto-identity";
import { Dialog } from "../../ui/dialog";
import { tell } from "../../ui/question";
import { words } from "../../words";
import { open, shut } from "./open";

const FILE_BYTES_MAX = 64 * 1024;
const KEY = /(?:[1-9A-HJ-NP-Za-km-z]{4} ){11}[1-9A-HJ-NP-Za-km-z]{4}/; // as it is written: twelve groups of four

const w = words({
  title: ["복구 키 입력", "Enter the recovery key"],
  text: ["복구 키를 만들 때 보관한 키를 붙여 넣거나, 저장한 파일을 고르세요.", "Paste the key you kept when you made it, or choose the file you saved."],
  key: ["복구 키", "Recovery key"],
  file: ["저장한 파일 고르기", "Choose the saved file"],
  noKey: ["이 파일에는 복구 키가 없습니다.", "There is no recovery key in this file."],
  open: ["열기", "Open"],
  busy: ["여는 중…", "Opening…"],
  wrong: ["이 계정의 복구 키가 아닙니다. 빠진 글자가 없는지 확인해 주세요.", "This is not the recovery key of this account. Please check that no letter is missing."],
  failed: ["열지 못했습니다. 잠시 뒤 다시 시도해 주세요.", "It did not work. Please try again in a moment."],
  done: ["이 기기가 확인되었습니다. 지난 대화를 불러옵니다.", "This device is confirmed. Earlier chats are being unlocked."],
  other: ["다른 기기로 확인", "Confirm from another device"],
  lost: ["키를 잃어버렸어요", "I have lost the key"],
});

export function EnterKey() {
  const typed = useSignal("");
  const busy = useSignal(false);
  const wrong = useSignal("");

  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    busy.value = true;
    wrong.value = "";
    try {
      await openWithRecoveryKey(typed.value);
      tell(w.done);
      shut();
    } catch (error) {
      if (!(error instanceof WrongRecoveryKey)) console.warn("the recovery key did not open this device:", error);
      wrong.value = error instanceof WrongRecoveryKey ? w.wrong : w.failed;
    } finally {
      busy.value = false;
    }
  };
  const read = async (file: File | undefined) => {
    if (!file) return;
    const found = file.size <= FILE_BYTES_MAX ? KEY.exec(await file.text()) : null;
    wrong.value = found ? "" : w.noKey;
    if (found) typed.value = found[0];
  };

  return (
    <Dialog title={w.title} onClose={shut}>
      <form onSubmit={submit}>
        <p>{w.text}</p>
        <label for="recovery-key">{w.key}</label>
        <textarea
          id="recovery-key"
          class="typed-key"
          rows={3}
          value={typed.value}
          onInput={(event) => (typed.value = event.currentTarget.value)}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          required
        />
        <label class="file-choice">
          {w.file}
          <input type="file" accept="text/plain,.txt" onChange={(event) => void read(event.currentTarget.files?.[0])} />
        </label>
        {wrong.value && <p class="error" role="alert">{wrong.value}</p>}
        <div class="answers">
          <button type="button" class="plain" onClick={() => open("confirm")}>{w.other}</button>
          <button class="primary" disabled={busy.value || !typed.value.trim()}>{busy.value ? w.busy : w.open}</button>
        </div>
      </form>
      <button class="plain lost" onClick={() => open("reset")}>{w.lost}</button>
    </Dialog>
  );
}
