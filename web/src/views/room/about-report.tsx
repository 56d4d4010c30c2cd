/** A report of a message to the people who run the server. */

import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";

import { matrix } from "../../matrix/client";
import type { MessageRow } from "../../matrix/timeline/rows";
import { inPlainWords } from "../../ui/errors";
import { tell } from "../../ui/question";
import { words } from "../../words";
import type { Here } from "./here";

const REASON_LENGTH_MAX = 1_000;
const SCORE = -100; // the worst, as other clients send it

const w = words({
  lead: ["이 메시지를 서버 운영자에게 알립니다. 암호화된 메시지의 내용은 운영자도 읽을 수 없습니다.", "The people who run the server will see this message. They cannot read encrypted ones."],
  reason: ["무엇이 문제인가요?", "What is wrong with it?"],
  send: ["신고하기", "Report"],
  done: ["신고했습니다", "Reported"],
});

export function Report({ here: { room }, row, close }: { here: Here; row: MessageRow; close(): void }) {
  const reason = useSignal("");
  const busy = useSignal(false);
  const wrong = useSignal("");
  const id = useId();
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    busy.value = true;
    try {
      await matrix().reportEvent(room.roomId, row.id!, SCORE, reason.value);
      close();
      tell(w.done);
    } catch (error) {
      wrong.value = inPlainWords(error);
    }
    busy.value = false;
  };
  return (
    <form onSubmit={submit}>
      <p>{w.lead}</p>
      <label for={id}>{w.reason}</label>
      <textarea id={id} rows={4} maxLength={REASON_LENGTH_MAX} required value={reason.value} onInput={(event) => (reason.value = event.currentTarget.value)} />
      {wrong.value && <p class="error" role="alert">{wrong.value}</p>}
      <div class="answers"><button class="primary" disabled={busy.value}>{w.send}</button></div>
    </form>
  );
}
