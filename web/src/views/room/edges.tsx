/** What stands over the list: more is coming, it could not be had, the ways to the newest and to what is new. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";

import { inWords } from "../../matrix/last-line";
import type { RoomTimeline } from "../../matrix/timeline";
import { Icon } from "../../ui/icon";
import { words } from "../../words";

const w = words({
  loading: ["불러오는 중…", "Loading…"],
  failed: ["불러오지 못했습니다.", "It could not be loaded."],
  again: ["다시 시도", "Try again"],
  empty: ["아직 메시지가 없습니다. 첫 인사를 건네 보세요.", "No messages yet. Say hello."],
  unread: ["새 메시지로 이동", "Jump to new messages"],
  down: ["맨 아래로", "Jump to the newest"],
  downNew: [(n: number) => `새 메시지 ${n}개, 맨 아래로`, (n: number) => `${n} new, jump to the newest`],
  said: [(name: string, text: string) => `${name}: ${text}`, (name: string, text: string) => `${name}: ${text}`],
});

export function Edges({ timeline }: { timeline: RoomTimeline }) {
  return (
    <>
      <Edge side="start" state={timeline.older.value} again={() => void timeline.retry("b")} />
      <Edge side="end" state={timeline.newer.value} again={() => void timeline.retry("f")} />
      {!timeline.rows.value.length && timeline.older.value === "none" && <p class="quiet nothing">{w.empty}</p>}
    </>
  );
}

function Edge({ side, state, again }: { side: "start" | "end"; state: string; again(): void }) {
  if (state === "loading") return <p class={`edge ${side}`} role="status">{w.loading}</p>;
  if (state !== "failed") return null;
  return (
    <p class={`edge ${side}`} role="alert">
      {w.failed} <button class="plain" onClick={again}>{w.again}</button>
    </p>
  );
}

export function JumpUp({ onClick }: { onClick(): void }) {
  return <button class="jump up" onClick={onClick}><Icon name="down" /> {w.unread}</button>;
}

export function JumpDown({ arrived, onClick }: { arrived: number; onClick(): void }) {
  return (
    <button class="jump down" aria-label={arrived ? w.downNew(arrived) : w.down} title={w.down} onClick={onClick}>
      {arrived > 0 && <span class="count">{arrived}</span>}
      <Icon name="down" />
    </button>
  );
}

/** The newest message of others, for screen readers: the list itself changes too much to be read aloud. */
export function NewestAloud({ timeline }: { timeline: RoomTimeline }) {
  const text = useSignal("");
  const last = useRef<string | null>(null);
  useSignalEffect(() => {
    const row = timeline.rows.value.at(-1);
    if (!row || row.key === last.current) return;
    const first = last.current === null;
    last.current = row.key;
    if (!first && timeline.live && row.kind === "message" && !row.mine && row.event) text.value = w.said(row.name, inWords(row.event));
  });
  return <p class="hidden-from-sight" aria-live="polite">{text.value}</p>;
}
