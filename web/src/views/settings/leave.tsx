/** Out of this device. */

import { useSignal } from "@preact/signals";

import { matrix, signOut } from "../../matrix/client";
import { encryption } from "../../matrix/crypto";
import { forgetDrafts } from "../../matrix/drafts";
import { forgetLetter } from "../../matrix/email-addresses";
import { forgetOutbox, unsent } from "../../matrix/outbox";
import { forgetUploads, uploads } from "../../matrix/uploads";
import { ask } from "../../ui/question";
import { Icon } from "../../ui/icon";
import { words } from "../../words";

const w = words({
  out: ["로그아웃", "Sign out"],
  text: [
    "이 기기에 남은 대화와 쓰던 글이 지워집니다. 암호화된 대화는 복구 키나 다른 기기가 있어야 다시 읽을 수 있습니다.",
    "Chats and drafts kept on this device are deleted. Encrypted chats can be read again only with the recovery key or another device.",
  ],
  noKey: [
    "아직 복구 키를 만들지 않았습니다. 다른 기기도 없다면 암호화된 대화를 영영 읽을 수 없게 됩니다. 먼저 설정의 암호화에서 복구 키를 만드세요.",
    "You have not made a recovery key. Without another device, your encrypted chats are lost for good: make one first, in the settings under encryption.",
  ],
  unsent: [
    (n: number) => `아직 보내지 못한 메시지 ${n}개도 지워집니다.`,
    (n: number) => (n === 1 ? "One message that is not sent yet is deleted too." : `${n} messages that are not sent yet are deleted too.`),
  ],
});

export function Leave() {
  const busy = useSignal(false);
  const leave = async () => {
    const keyless = encryption.peek().recovery === "none" && encryption.peek().phase === "ready";
    const waiting = unsent.value + uploads.value.length;
    const text = [keyless ? w.noKey : w.text, waiting ? w.unsent(waiting) : ""].join(" ").trim();
    if (!(await ask({ title: w.out, text, yes: w.out, danger: true }))) return;
    busy.value = true;
    const userId = matrix().getUserId()!;
    await signOut();
    forgetDrafts(userId);
    forgetLetter();
    await Promise.all([forgetOutbox(userId), forgetUploads(userId)]);
  };
  return (
    <button class="danger wide" disabled={busy.value} onClick={() => void leave()}>
      <Icon name="out" /> {w.out}
    </button>
  );
}
