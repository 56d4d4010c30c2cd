/** One card over the list of chats, while encryption wants something of the person: the most urgent thing only. */

import { signal } from "@preact/signals";

import { keepText } from "../../kept";
import { signOut } from "../../matrix/client";
import { type Encryption, encryption } from "../../matrix/crypto";
import { words } from "../../words";
import { open } from "./open";
import "./card.css";

const LATER = "bongsu.encryption.later"; // when it was put off, ms since 1970
const LATER_MS = 3 * 24 * 60 * 60 * 1000;

const w = words({
  label: ["암호화", "Encryption"],
  later: ["나중에", "Later"],
  makeTitle: ["복구 키를 만들어 두세요", "Make a recovery key"],
  makeText: [
    "이 기기를 잃어버려도 복구 키가 있으면 암호화된 대화를 다시 읽을 수 있습니다. 키는 나만 갖고, 서버는 알지 못합니다.",
    "If you lose this device, the recovery key lets you read your encrypted chats again. Only you have it: the server never sees it.",
  ],
  make: ["복구 키 만들기", "Make it now"],
  newTitle: ["새 기기를 확인해 주세요", "Confirm this new device"],
  newText: [
    "내 기기임을 확인하면 지난 암호화된 대화를 여기서도 읽을 수 있고, 친구들도 안심할 수 있습니다.",
    "Once you confirm that it is yours, you can read earlier encrypted chats here, and your friends can trust it.",
  ],
  confirm: ["확인하기", "Confirm"],
  failedTitle: ["암호화를 시작하지 못했습니다", "Encryption did not start"],
  failedText: [
    "페이지를 다시 불러오면 대개 해결됩니다. 그때까지 새 메시지는 서버에서 기다립니다.",
    "Loading the page again usually helps. Until then new messages wait at the server.",
  ],
  reload: ["다시 불러오기", "Reload"],
  lostTitle: ["브라우저가 이 기기의 키를 지웠습니다", "The browser deleted this device's keys"],
  lostText: [
    "저장 공간을 비우면서 암호 키도 사라졌습니다. 다시 로그인하면 새 키를 만들고, 복구 키나 다른 기기로 지난 대화를 되찾을 수 있습니다. 암호화되지 않은 대화는 계속 쓸 수 있습니다.",
    "Its keys went when storage was cleared. Sign in again to get new ones; a recovery key or another device brings earlier chats back. Chats that are not encrypted go on as they are.",
  ],
  again: ["다시 로그인", "Sign in again"],
});

const put = signal(Number(localStorage.getItem(LATER)) || 0);

export function EncryptionCard() {
  const wanted = wish(encryption.value);
  if (!wanted || (wanted.later && Date.now() - put.value < LATER_MS)) return null;
  return (
    <section class="encryption-card" aria-label={w.label} data-kind={wanted.kind}>
      <h2>{wanted.title}</h2>
      <p>{wanted.text}</p>
      <div class="answers">
        {wanted.later && <button class="plain" onClick={putOff}>{w.later}</button>}
        <button class="primary" onClick={wanted.act}>{wanted.yes}</button>
      </div>
    </section>
  );
}

interface Wish {
  kind: string;
  title: string;
  text: string;
  yes: string;
  later: boolean;
  act(): void;
}

function wish({ phase, identity, verified, recovery }: Encryption): Wish | null {
  if (phase === "failed") {
    return { kind: "failed", title: w.failedTitle, text: w.failedText, yes: w.reload, later: false, act: () => location.reload() };
  }
  if (phase === "lost") {
    return { kind: "lost", title: w.lostTitle, text: w.lostText, yes: w.again, later: false, act: () => void signOut() };
  }
  if (phase !== "ready" || identity === "unknown") return null;
  if (identity === "published" && !verified) {
    return { kind: "confirm", title: w.newTitle, text: w.newText, yes: w.confirm, later: true, act: () => open("confirm") };
  }
  if (verified && recovery === "none") {
    return { kind: "make-key", title: w.makeTitle, text: w.makeText, yes: w.make, later: true, act: () => open("make-key") };
  }
  return null;
}

function putOff(): void {
  put.value = Date.now();
  keepText(LATER, String(put.value));
}
