/** Quiet lines about this account and device: locked, a newer build, a browser that forgets, a clock that is wrong. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";

import { locked } from "../matrix/client";
import { aheadMs, isWrong } from "../matrix/clock";
import { storageCleared } from "../matrix/session";
import { enter, newer } from "../updates";
import { words } from "../words";

const MINUTE_MS = 60_000;

const w = words({
  newer: ["새 버전이 준비되었습니다.", "A new version is ready."],
  open: ["다시 열기", "Reopen"],
  later: ["나중에", "Later"],
  cleared: [
    "브라우저가 저장해 둔 것을 지웠습니다. 계속 쓸 수 있지만, 다음에 열 때는 처음부터 불러옵니다.",
    "The browser has deleted what was stored. You can go on; the next start loads everything anew.",
  ],
  ahead: [
    (minutes: number) => `이 기기의 시계가 ${minutes}분쯤 빠릅니다. 시각이 다르게 보일 수 있습니다.`,
    (minutes: number) => `This device's clock is about ${minutes} min ahead. Times may look wrong.`,
  ],
  behind: [
    (minutes: number) => `이 기기의 시계가 ${minutes}분쯤 느립니다. 시각이 다르게 보일 수 있습니다.`,
    (minutes: number) => `This device's clock is about ${minutes} min behind. Times may look wrong.`,
  ],
  locked: [
    "이 계정은 잠겨 있습니다. 풀릴 때까지 읽기만 할 수 있습니다. 운영자에게 문의하세요.",
    "This account is locked. Until it is unlocked you can only read what is here. Please ask the operator.",
  ],
  close: ["닫기", "Close"],
});

export function Lines() {
  const minutes = Math.round(Math.abs(aheadMs.value) / MINUTE_MS);
  return (
    <>
      {newer.value && <Line key="newer" text={w.newer} close={w.later}><button class="plain" onClick={enter}>{w.open}</button></Line>}
      {locked.value && <Line key="locked" text={w.locked} close={w.close} />}
      {storageCleared.value && <Line key="cleared" text={w.cleared} close={w.close} />}
      {isWrong.value && <Line key="clock" text={aheadMs.value > 0 ? w.ahead(minutes) : w.behind(minutes)} close={w.close} />}
    </>
  );
}

function Line({ text, close, children }: { text: string; close: string; children?: ComponentChildren }) {
  const closed = useSignal(false);
  if (closed.value) return null;
  return (
    <p class="line" role="status">
      <span>{text}</span>
      {children}
      <button class="plain" onClick={() => (closed.value = true)}>{close}</button>
    </p>
  );
}
