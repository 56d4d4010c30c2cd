/** This tab rests, because another one of this browser has taken over. */

import { elsewhere } from "../matrix/tab";
import { words } from "../words";
import "./opening.css";

const w = words({
  title: ["다른 탭에서 이어지고 있습니다", "Going on in another tab"],
  text: ["봉수는 한 브라우저에서 한 탭으로만 열립니다. 쓰던 글은 남아 있습니다.", "Bongsu runs in one tab of a browser at a time. What you were writing is kept."],
  here: ["여기서 계속하기", "Continue here"],
});

export function Resting() {
  return (
    <main class="opening">
      <img src="/icon.svg" alt="" width="72" height="72" />
      <h1>{w.title}</h1>
      <p class="quiet">{w.text}</p>
      <button class="primary" onClick={() => (elsewhere.value = false)}>{w.here}</button>
    </main>
  );
}
