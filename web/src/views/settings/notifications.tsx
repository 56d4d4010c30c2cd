/** Whether this browser shows notifications of new messages; how loud a room is stands at the room. */

import { notifying, turnOff, turnOn } from "../../matrix/notify";
import { words } from "../../words";

const w = words({
  title: ["알림", "Notifications"],
  label: ["새 메시지를 이 기기에서 알림", "Notify me of new messages on this device"],
  hint: [
    "보고 있는 대화방과 알림을 끈 대화방은 알리지 않습니다. 대화방마다의 알림은 대화방 정보에서 정합니다.",
    "Nothing is shown for the room you are looking at, or for muted rooms. How loud a room is, you choose on its own page.",
  ],
  asking: ["브라우저가 허락을 물을 것입니다.", "The browser will ask for your permission."],
  refused: [
    "브라우저에서 알림이 막혀 있습니다. 주소창 옆의 사이트 설정에서 허용해 주세요.",
    "The browser blocks notifications. Allow them in the site settings beside the address.",
  ],
  impossible: ["이 브라우저는 알림을 보여 줄 수 없습니다.", "This browser cannot show notifications."],
});

export function Notifications() {
  const now = notifying.value;
  return (
    <section class="card" id="notifications" aria-labelledby="notifications-title">
      <h2 id="notifications-title" tabIndex={-1}>{w.title}</h2>
      <label class="choice">
        <input
          type="checkbox"
          checked={now === "on"}
          disabled={now === "refused" || now === "impossible"}
          onChange={(event) => (event.currentTarget.checked ? void turnOn() : turnOff())}
        />
        {w.label}
      </label>
      <p class="quiet">{now === "refused" ? w.refused : now === "impossible" ? w.impossible : now === "asking" ? w.asking : w.hint}</p>
    </section>
  );
}
