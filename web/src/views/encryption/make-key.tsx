/** A recovery key: made, shown once, and valid only when the person has shown that they kept it. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { GeneratedSecretStorageKey } from "matrix-js-sdk/lib/crypto-api";

import { matrix } from "../../matrix/client";
import { encryption } from "../../matrix/crypto";
import { keepRecoveryKey, newRecoveryKey, SecretsMissing } from "../../matrix/crypto-identity";
import { Dialog } from "../../ui/dialog";
import { tell } from "../../ui/question";
import { saveText } from "../../ui/save-text";
import { words } from "../../words";
import { shut } from "./open";

const PROOF_LETTERS = 4;

const w = words({
  title: ["복구 키", "Recovery key"],
  text: [
    "이 키를 비밀번호 관리자나 종이처럼 안전한 곳에 보관하세요. 지금 한 번만 보여 드립니다.",
    "Keep this key somewhere safe: a password manager, or paper. It is shown this once.",
  ],
  warning: ["이 키를 가진 사람은 내 암호화된 대화를 읽을 수 있습니다.", "Whoever has this key can read your encrypted chats."],
  replaces: ["새 키를 만들면 예전 복구 키는 더 이상 쓸 수 없습니다.", "The new key replaces the old one, which stops working."],
  key: ["복구 키", "Recovery key"],
  copy: ["복사", "Copy"],
  save: ["파일로 저장", "Save as file"],
  print: ["인쇄", "Print"],
  copied: ["복구 키를 복사했습니다.", "The recovery key was copied."],
  notCopied: ["복사하지 못했습니다. 직접 적어 두세요.", "It could not be copied. Please write it down."],
  proof: ["보관했는지 확인: 키의 마지막 네 글자", "To be sure you have it: the last four letters of the key"],
  wrong: ["키의 마지막 네 글자와 다릅니다.", "These are not the last four letters of the key."],
  done: ["보관했습니다", "I have kept it"],
  busy: ["저장하는 중…", "Saving…"],
  saved: ["복구 키가 준비되었습니다.", "Your recovery key is ready."],
  failed: ["저장하지 못했습니다. 이 창을 닫지 말고 다시 시도해 주세요.", "It could not be saved. Leave this open and try again."],
  missing: [
    "이 기기에는 아직 열쇠가 다 오지 않아, 지금 만든 복구 키로는 아무것도 열 수 없습니다. 내 다른 기기를 켜 두고 잠시 뒤 다시 해 보거나 갖고 있는 복구 키로 이 기기를 먼저 확인하세요.",
    "This device does not hold all your keys yet, so a recovery key made now would open nothing. Leave your other device on and try again in a moment, or confirm this device with the recovery key you have.",
  ],
  notMade: ["지금은 만들지 못했습니다. 잠시 뒤 다시 열어 주세요.", "It could not be made just now. Please open this again in a moment."],
  fileText: [
    (who: string) => `${who} 의 봉수 복구 키. 안전한 곳에 보관하고 누구에게도 보여 주지 마세요.`,
    (who: string) => `Recovery key of ${who} for Bongsu. Keep it safe and show it to nobody.`,
  ],
});

export function MakeKey() {
  const made = useSignal<GeneratedSecretStorageKey | null>(null);
  const replaces = useSignal(encryption.peek().recovery === "made");
  const busy = useSignal(false);
  const wrong = useSignal("");
  const hindrance = useSignal("");
  useEffect(() => {
    newRecoveryKey().then(
      (key) => (made.value = key),
      (error) => (hindrance.value = error instanceof SecretsMissing ? w.missing : w.notMade),
    );
  }, []);
  const key = made.value?.encodedPrivateKey ?? "";

  const finish = async (event: SubmitEvent) => {
    event.preventDefault();
    const proof = String(new FormData(event.currentTarget as HTMLFormElement).get("proof"));
    if (proof.trim() !== key.slice(-PROOF_LETTERS)) {
      wrong.value = w.wrong;
      return;
    }
    busy.value = true;
    wrong.value = "";
    try {
      await keepRecoveryKey(made.value!);
      tell(w.saved);
      shut();
    } catch (error) {
      console.warn("the recovery key was not kept:", error);
      wrong.value = w.failed;
    } finally {
      busy.value = false;
    }
  };

  if (hindrance.value) return <Dialog title={w.title} onClose={shut}><p role="alert">{hindrance.value}</p></Dialog>;
  const about = w.fileText(matrix().getSafeUserId());
  return (
    <Dialog title={w.title} onClose={shut}>
      <p>{w.text} <strong>{w.warning}</strong>{replaces.value && ` ${w.replaces}`}</p>
      <div class="on-paper">
        <p class="paper-only">{about}</p>
        <output class="recovery-key" aria-label={w.key}>{key}</output>
      </div>
      <div class="answers keep">
        <button disabled={!key} onClick={() => void copy(key)}>{w.copy}</button>
        <button disabled={!key} onClick={() => saveText(fileName(), `${about}\n\n${key}\n`)}>{w.save}</button>
        <button disabled={!key} onClick={() => print()}>{w.print}</button>
      </div>
      <form onSubmit={finish}>
        <label for="recovery-proof">{w.proof}</label>
        <input id="recovery-proof" name="proof" autocomplete="off" autocapitalize="none" spellcheck={false} maxLength={12} required />
        {wrong.value && <p class="error" role="alert">{wrong.value}</p>}
        <div class="answers">
          <button class="primary" disabled={busy.value || !key}>{busy.value ? w.busy : w.done}</button>
        </div>
      </form>
    </Dialog>
  );
}

async function copy(key: string): Promise<void> {
  await navigator.clipboard.writeText(key).then(() => tell(w.copied), () => tell(w.notCopied));
}

function fileName(): string {
  return `bongsu-recovery-key-${matrix().getUserIdLocalpart()}.txt`;
}
