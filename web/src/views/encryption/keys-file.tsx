/** Keys of messages as a file under a passphrase, out of this device and into it: for moving between apps by hand. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";

import { exportKeys, importKeys, NoKeysFile, WrongPassphrase } from "../../matrix/crypto-keys-file";
import { Dialog } from "../../ui/dialog";
import { tell } from "../../ui/question";
import { saveText } from "../../ui/save-text";
import { words } from "../../words";
import { shut } from "./open";

const PASSPHRASE_MIN = 8;
const FILE_BYTES_MAX = 64 * 1024 * 1024;

const w = words({
  exportTitle: ["메시지 키 내보내기", "Export message keys"],
  exportText: [
    "이 기기가 읽을 수 있는 모든 암호화된 메시지의 키를 파일로 저장합니다. 파일과 암호를 함께 가진 사람은 그 메시지를 읽을 수 있습니다.",
    "The keys of every encrypted message this device can read are saved to a file. Whoever has the file and its passphrase can read those messages.",
  ],
  importTitle: ["메시지 키 가져오기", "Import message keys"],
  importText: ["다른 기기나 앱에서 내보낸 키 파일을 고르세요.", "Choose a file of keys that another device or app exported."],
  file: ["키 파일", "File of keys"],
  passphrase: ["파일 암호", "Passphrase of the file"],
  again: ["암호 다시", "Passphrase again"],
  unequal: ["두 암호가 다릅니다.", "The two passphrases differ."],
  wrong: ["이 파일의 암호가 아닙니다.", "This is not the passphrase of the file."],
  noFile: ["키 파일이 아닙니다.", "This is not a file of keys."],
  failed: ["하지 못했습니다. 다시 시도해 주세요.", "It did not work. Please try again."],
  busy: ["잠시만요…", "One moment…"],
  export: ["내보내기", "Export"],
  import: ["가져오기", "Import"],
  imported: [(n: number) => `키 ${n}개를 가져왔습니다.`, (n: number) => `${n} keys were imported.`],
});

export function ExportKeys() {
  return (
    <KeysForm
      title={w.exportTitle}
      text={w.exportText}
      verb={w.export}
      work={async (form) => {
        const passphrase = String(form.get("passphrase"));
        if (passphrase !== form.get("again")) return w.unequal;
        saveText("bongsu-keys.txt", await exportKeys(passphrase));
        return null;
      }}
    >
      <Passphrase name="passphrase" label={w.passphrase} fresh />
      <Passphrase name="again" label={w.again} fresh />
    </KeysForm>
  );
}

export function ImportKeys() {
  return (
    <KeysForm
      title={w.importTitle}
      text={w.importText}
      verb={w.import}
      work={async (form) => {
        const file = form.get("file");
        if (!(file instanceof File) || file.size > FILE_BYTES_MAX) return w.noFile;
        tell(w.imported(await importKeys(await file.text(), String(form.get("passphrase")))));
        return null;
      }}
    >
      <label for="keys-file">{w.file}</label>
      <input id="keys-file" name="file" type="file" accept="text/plain,.txt" required />
      <Passphrase name="passphrase" label={w.passphrase} />
    </KeysForm>
  );
}

interface Form {
  title: string;
  text: string;
  verb: string;
  work(form: FormData): Promise<string | null>; // what is wrong, in words
  children: ComponentChildren;
}

function KeysForm({ title, text, verb, work, children }: Form) {
  const busy = useSignal(false);
  const wrong = useSignal("");
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    busy.value = true;
    wrong.value = "";
    const problem = await work(new FormData(event.currentTarget as HTMLFormElement)).catch(said);
    busy.value = false;
    if (problem) wrong.value = problem;
    else shut();
  };
  return (
    <Dialog title={title} onClose={shut}>
      <form onSubmit={submit}>
        <p>{text}</p>
        {children}
        {wrong.value && <p class="error" role="alert">{wrong.value}</p>}
        <div class="answers"><button class="primary" disabled={busy.value}>{busy.value ? w.busy : verb}</button></div>
      </form>
    </Dialog>
  );
}

function Passphrase({ name, label, fresh }: { name: string; label: string; fresh?: boolean }) {
  return (
    <>
      <label for={`keys-${name}`}>{label}</label>
      <input
        id={`keys-${name}`}
        name={name}
        type="password"
        autocomplete={fresh ? "new-password" : "off"}
        minLength={fresh ? PASSPHRASE_MIN : undefined}
        required
      />
    </>
  );
}

function said(error: unknown): string {
  if (error instanceof WrongPassphrase) return w.wrong;
  if (error instanceof NoKeysFile) return w.noFile;
  console.warn("keys were not moved:", error);
  return w.failed;
}
