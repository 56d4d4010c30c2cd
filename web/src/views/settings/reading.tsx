/** Whether others are told how far one has read. */

import { privateReceipts } from "../../matrix/receipts";
import { words } from "../../words";

const w = words({
  title: ["읽음 표시", "Read receipts"],
  tell: ["내가 읽은 것을 다른 사람에게 알리기", "Tell others what I have read"],
  hint: ["끄면 메시지 옆 숫자가 나 때문에 줄어들지 않습니다.", "When off, the number beside a message does not fall because of you."],
});

export function Reading() {
  return (
    <section class="card" id="reading" aria-labelledby="reading-title">
      <h2 id="reading-title" tabIndex={-1}>{w.title}</h2>
      <label class="choice">
        <input type="checkbox" checked={!privateReceipts.value} onChange={({ currentTarget }) => (privateReceipts.value = !currentTarget.checked)} />
        {w.tell}
      </label>
      <p class="quiet">{w.hint}</p>
    </section>
  );
}
