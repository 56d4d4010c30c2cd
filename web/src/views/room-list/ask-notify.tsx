/** A line at the foot of the list until the person has said whether this browser may notify them. */

import { useSignal } from "@preact/signals";

import { notifying, turnOff, turnOn } from "../../matrix/notify";
import { words } from "../../words";

const w = words({
  ask: ["새 메시지를 알려 드릴까요?", "Show notifications?"],
  yes: ["알림 켜기", "Turn on"],
  no: ["아니요", "No"],
});

export function AskNotify() {
  const busy = useSignal(false);
  if (notifying.value !== "asking") return null;
  const on = async () => {
    busy.value = true;
    await turnOn();
    busy.value = false;
  };
  return (
    <div class="ask-notify" role="group" aria-label={w.ask}>
      <span>{w.ask}</span>
      <button class="plain" disabled={busy.value} onClick={() => void on()}>{w.yes}</button>
      <button class="plain" onClick={turnOff}>{w.no}</button>
    </div>
  );
}
