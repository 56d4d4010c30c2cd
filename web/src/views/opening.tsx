/** Between the sign-in and the first view: a moment, or the reason why it does not come. */

import { startAgain, startFault } from "../matrix/client";
import { forget } from "../matrix/session";
import { inPlainWords } from "../ui/errors";
import { words } from "../words";
import "./opening.css";

const w = words({
  opening: ["여는 중…", "Opening…"],
  failed: ["대화를 열지 못했습니다.", "Your chats could not be opened."],
  again: ["다시 시도", "Try again"],
  leave: ["이 기기에서 로그아웃", "Sign out on this device"],
});

export function Opening() {
  const fault = startFault.value;
  return (
    <main class="opening">
      <img src="/icon.svg" alt="" width="72" height="72" class={fault ? "" : "breathing"} />
      {fault ? (
        <div role="alert">
          <h1>{w.failed}</h1>
          <p class="quiet">{inPlainWords(fault)}</p>
          <p class="answers">
            <button class="primary" onClick={startAgain}>{w.again}</button>
            <button onClick={() => forget()}>{w.leave}</button>
          </p>
        </div>
      ) : (
        <p class="quiet" role="status">{w.opening}</p>
      )}
    </main>
  );
}
