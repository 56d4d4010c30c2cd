/** What is so of one's own encryption: this device, the backup, the recovery key; and what can be done about it. */

import type { ComponentChildren } from "preact";

import { encryption, type Phase } from "../../matrix/crypto";
import { words } from "../../words";
import { open } from "./open";
import "./settings.css";

const w = words({
  title: ["암호화", "Encryption"],
  lead: [
    "암호화된 대화는 참여한 사람들의 기기에서만 읽을 수 있습니다. 서버는 읽지 못합니다.",
    "Encrypted chats can be read only on the devices of the people in them. The server cannot read them.",
  ],
  device: ["이 기기", "This device"],
  deviceYes: ["확인됨", "Confirmed"],
  deviceNo: ["아직 확인되지 않음", "Not confirmed yet"],
  confirm: ["확인하기", "Confirm"],
  backup: ["메시지 키 백업", "Backup of message keys"],
  backupYes: ["켜짐: 서버에 잠긴 채로 보관됩니다", "On: kept at the server, locked"],
  backupNo: ["꺼짐", "Off"],
  recovery: ["복구 키", "Recovery key"],
  recoveryYes: ["만들어 두었음", "Made"],
  recoveryNo: ["없음: 기기를 모두 잃으면 지난 대화를 읽을 수 없습니다", "None: if you lose all your devices, earlier chats are lost"],
  make: ["만들기", "Make one"],
  makeNew: ["새 키 만들기", "Make a new one"],
  files: ["키 파일", "Keys as a file"],
  filesText: ["다른 Matrix 앱으로 옮길 때 씁니다.", "For moving to another Matrix app by hand."],
  export: ["내보내기", "Export"],
  import: ["가져오기", "Import"],
  reset: ["암호화 초기화", "Reset encryption"],
  resetText: ["복구 키와 다른 기기를 모두 잃었을 때의 마지막 방법입니다.", "The last way, when the recovery key and all other devices are gone."],
  off: ["암호화를 준비하는 중입니다…", "Encryption is being made ready…"],
  failed: ["암호화를 시작하지 못했습니다. 페이지를 다시 불러와 주세요.", "Encryption did not start. Please reload the page."],
  unsupported: ["이 브라우저는 암호화된 대화를 지원하지 않습니다 (WebAssembly가 꺼져 있음).", "This browser cannot take part in encrypted chats: WebAssembly is turned off."],
  insecure: ["암호화된 대화는 https 주소에서만 쓸 수 있습니다.", "Encrypted chats need an https address."],
  lost: ["브라우저가 이 기기의 키를 지웠습니다. 다시 로그인해 주세요.", "The browser deleted this device's keys. Please sign in again."],
});

export function EncryptionPart() {
  const { phase, identity, verified, backup, recovery } = encryption.value;
  return (
    <div class="encryption-part">
      <h2 tabIndex={-1}>{w.title}</h2>
      <p class="quiet">{w.lead}</p>
      {phase !== "ready" ? (
        <p role="status">{why(phase)}</p>
      ) : (
        <>
          <Line name={w.device} state={verified ? w.deviceYes : w.deviceNo} good={verified}>
            {identity === "published" && !verified && <button onClick={() => open("confirm")}>{w.confirm}</button>}
          </Line>
          <Line name={w.backup} state={backup === "on" ? w.backupYes : w.backupNo} good={backup === "on"} />
          <Line name={w.recovery} state={recovery === "made" ? w.recoveryYes : w.recoveryNo} good={recovery === "made"}>
            {verified && <button onClick={() => open("make-key")}>{recovery === "made" ? w.makeNew : w.make}</button>}
          </Line>
          <h3>{w.files}</h3>
          <p class="quiet">{w.filesText}</p>
          <div class="acts">
            <button onClick={() => open("export-keys")}>{w.export}</button>
            <button onClick={() => open("import-keys")}>{w.import}</button>
          </div>
          <h3>{w.reset}</h3>
          <p class="quiet">{w.resetText}</p>
          <div class="acts"><button class="danger" onClick={() => open("reset")}>{w.reset}</button></div>
        </>
      )}
    </div>
  );
}

function Line({ name, state, good, children }: { name: string; state: string; good: boolean; children?: ComponentChildren }) {
  return (
    <div class="encryption-line" data-good={good}>
      <p><strong>{name}</strong><span>{state}</span></p>
      {children}
    </div>
  );
}

function why(phase: Phase): string {
  if (phase === "failed" || phase === "unsupported" || phase === "insecure" || phase === "lost") return w[phase];
  return w.off;
}
