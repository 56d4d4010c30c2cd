/** Out of this device. */

import { useSignal } from "@preact/signals";

import { matrix, signOut } from "../../matrix/client";
import { forgetDrafts } from "../../matrix/drafts";
import { forgetOutbox, unsent } from "../../matrix/outbox";
import { ask } from "../../ui/question";
import { Icon } from "../../ui/icon";
import { words } from "../../words";

const w = words({
  out: ["로그아웃", "Sign out"],
  text: [
    "이 기기에 남은 대화와 쓰던 글이 지워집니다. 암호화된 대화는 복구 키나 다른 기기가 있어야 다시 읽을 수 있습니다.",
    "Chats and drafts kept on this device are deleted. Encrypted chats can be read again only with the recovery key or another device.",
  ],
  unsent: [
    (n: number) => `아직 보내지 못한 메시지 ${n}개도 지워집니다.`,
    (n: number) => (n === 1 ? "One message that is not sent yet is deleted too." : `${n} messages that are not sent yet are deleted too.`),
  ],
});

export function Leave() {
  const busy = useSignal(false);
  const leave = async () => {
    const text = unsent.value ? `${w.text} ${w.unsent(unsent.value)}` : w.text;
    if (!(await ask({ title: w.out, text, yes: w.out, danger: true }))) return;
    busy.value = true;
    const userId = matrix().getUserId()!;
    await signOut();
    forgetDrafts(userId);
    await forgetOutbox(userId);
  };
  return (
    <button class="danger wide" disabled={busy.value} onClick={() => void leave()}>
      <Icon name="out" /> {w.out}
    </button>
  );
}
