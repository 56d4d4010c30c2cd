/** This device is opened with the recovery key: typed, pasted, or from the file that was saved. */

import { useSignal } from "@preact/signals";

import { openWithRecoveryKey, StaleRecoveryKey, WrongRecoveryKey } from "../../matrix/crypto-identity";
import { Dialog } from "../../ui/dialog";
import { tell } from "../../ui/question";
import { words } from "../../words";
import { open, shut } from "./open";

const FILE_BYTES_MAX = 64 * 1024;
const KEY = /(?:[1-9A-HJ-NP-Za-km-z]{4} ){11}[1-9A-HJ-NP-Za-km-z]{4}/; // as it is written: twelve groups of four
const LIKE_A_KEY = /^\s*Es[0-9A-Za-z]{2}\b/; // how each begins

const w = words({
  title: ["복구 키 입력", "Enter the recovery key"],
  text: [
    "복구 키를 만들 때 보관한 키를 붙여 넣거나, 저장한 파일을 고르세요. 다른 앱에서 암호 문구로 만들었다면 그 문구를 적어도 됩니다.",
    "Paste the key you kept when you made it, or choose the file you saved. If another app made it from a phrase, the phrase will do.",
  ],
  key: ["복구 키", "Recovery key"],
  file: ["저장한 파일 고르기", "Choose the saved file"],
  noKey: ["이 파일에는 복구 키가 없습니다.", "There is no recovery key in this file."],
  open: ["열기", "Open"],
  busy: ["여는 중…", "Opening…"],
  wrong: ["이 계정의 복구 키가 아닙니다. 빠진 글자가 없는지 확인해 주세요.", "This is not the recovery key of this account. Please check that no letter is missing."],
  wrongPhrase: [
    "이 계정의 복구 키도, 복구 키를 만들 때 정한 암호 문구도 아닙니다. 로그인 비밀번호와는 다른 것입니다.",
    "This is neither the recovery key of this account nor the phrase it was made from. It is not the password you sign in with.",
  ],
  stale: [
    "맞는 복구 키이지만 지금의 신원을 열지는 못합니다. 지난 대화는 읽을 수 있게 됐을 수 있습니다. 이 기기는 다른 기기로 확인해 주세요.",
    "This is the recovery key, but it does not open your identity of today. Earlier chats may be readable now; please confirm this device from another one.",
  ],
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
      wrong.value = said(error, typed.value);
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

function said(error: unknown, typed: string): string {
  if (error instanceof WrongRecoveryKey) return LIKE_A_KEY.test(typed) ? w.wrong : w.wrongPhrase;
  console.warn("the recovery key did not open this device:", error);
  return error instanceof StaleRecoveryKey ? w.stale : w.failed;
}
