/** How a message of one's own is doing on its way: nothing, a small clock while it waits, or why it failed. */

import { discard, type Pending, retry } from "../../matrix/outbox";
import { Icon } from "../../ui/icon";
import { words } from "../../words";

const w = words({
  waiting: ["보내기를 기다리는 중", "Waiting to be sent"],
  again: ["다시 보내기", "Send again"],
  remove: ["지우기", "Delete"],
  failed: ["보내지 못했습니다", "Not sent"],
  refused: ["서버가 받아들이지 않았습니다", "The server refused it"],
  "too-large": ["너무 깁니다", "It is too long"],
  unsure: ["보내졌는지 알 수 없습니다", "It is not known whether it was sent"],
  "no-encryption": ["암호화를 쓸 수 없어 보내지 않았습니다", "It could not be encrypted, so it was not sent"],
  "no-longer-encrypted": ["암호화되던 방인데 서버가 아니라고 합니다. 엿볼 수 있어 보내지 않았습니다", "This room was encrypted and the server denies it: somebody may be listening, so it was not sent"],
  server: ["서버에 문제가 있습니다", "The server has a problem"],
});

export function WaitingMark({ pending }: { pending: Pending }) {
  if (pending.state !== "waiting") return null;
  return (
    <span class="clock">
      <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 7.5V12l3 2" /></svg>
      <span class="hidden-from-sight">{w.waiting}</span>
    </span>
  );
}

export function Failed({ pending }: { pending: Pending }) {
  if (pending.state !== "failed") return null;
  return (
    <div class="failed" role="alert">
      <span title={pending.error}>{pending.failure ? w[pending.failure] : w.failed}</span>
      <button class="plain" onClick={() => retry(pending.txnId)}><Icon name="retry" /> {w.again}</button>
      <button class="plain" onClick={() => discard(pending.txnId)}><Icon name="remove" /> {w.remove}</button>
    </div>
  );
}
