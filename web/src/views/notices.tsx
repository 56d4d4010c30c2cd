/**
 * One quiet line over everything: what the connection does. Nothing is said while it is well, and nobody is asked to do
 * anything: what was written is kept, and goes by itself.
 */

import { computed, effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { restUntil, unsent } from "../matrix/outbox";
import { busyUntil, current, siteName, way } from "../matrix/sites";
import { words } from "../words";
import { type Line, lineOf } from "./notices-line";

import "./notices.css";

const w = words({
  moving: ["다른 센터로 옮기는 중…", "Moving to another centre…"],
  moved: [
    (name: string) => (name ? `${name} 센터에서 이어집니다.` : "다른 센터에서 이어집니다."),
    (name: string) => (name ? `Going on at centre ${name}.` : "Going on at another centre."),
  ],
  offline: ["오프라인입니다.", "You are offline."],
  lost: ["서버에 닿지 않습니다. 다시 시도하는 중…", "The server cannot be reached. Trying again…"],
  busy: ["서버가 바쁩니다. 잠시 뒤 다시 시도합니다.", "The server is busy. Trying again in a moment."],
  seconds: [(n: number) => `${n}초`, (n: number) => `${n} s`],
  unsent: [
    (n: number) => `쓴 메시지 ${n}개는 보관했다가 보냅니다.`,
    (n: number) => (n === 1 ? "Your message is kept and will be sent." : `Your ${n} messages are kept and will be sent.`),
  ],
});

const MOVED_MS = 4_000; // how long it is said that the client has moved
const SECOND_MS = 1_000;

const online = signal(navigator.onLine);
const movedAt = signal(0);
const now = signal(Date.now());
const busy = computed(() => Math.max(busyUntil.value, restUntil.value));
const line = computed<Line | null>(() =>
  lineOf({ way: way.value, online: online.value, busyUntil: busy.value, saidUntil: movedAt.value && movedAt.value + MOVED_MS, now: now.value }),
);

addEventListener("online", () => (online.value = true));
addEventListener("offline", () => (online.value = false));

let before = current.peek();
effect(() => {
  if (current.value === before) return;
  before = current.value;
  movedAt.value = now.value = Date.now();
});

export function Notices() {
  const ticks = line.value?.until !== undefined || busy.value > now.value;
  useEffect(() => {
    now.value = Date.now();
    if (!ticks) return undefined;
    const timer = setInterval(() => (now.value = Date.now()), SECOND_MS);
    return () => clearInterval(timer);
  }, [ticks, busy.value]);
  const said = line.value;
  const kept = said && said.kind !== "moved" && said.kind !== "moving" ? unsent.value : 0;
  return (
    <p class="line notices" role="status" data-said={said?.kind}>
      {said && <span class="notices-mark" data-kind={said.kind} />}
      {said && text(said)}
      {said?.kind === "busy" && <span aria-hidden="true">{w.seconds(Math.ceil((said.until! - now.value) / SECOND_MS))}</span>}
      {kept > 0 && <span>{w.unsent(kept)}</span>}
    </p>
  );
}

function text(said: Line): string {
  return said.kind === "moved" ? w.moved(siteName.value) : w[said.kind];
}
