/** The few buttons at a message under the pointer; everything else is behind the last of them. */

import { useComputed } from "@preact/signals";

import type { MessageRow } from "../../matrix/timeline/rows";
import { Icon } from "../../ui/icon";
import { words } from "../../words";
import { menu, useHere } from "./here";
import { act, actionsOf } from "./message-actions";
import { pointed } from "./pointed";
import { react } from "./reactions";

const LIKE = "👍";

const w = words({
  like: ["좋아요", "Like"],
  reply: ["답장", "Reply"],
  thread: ["스레드로 답하기", "Reply in a thread"],
  more: ["더 보기", "More"],
});

export function QuickActions({ row }: { row: MessageRow }) {
  const here = useHere();
  const shown = useComputed(() => pointed.value === row.key || menu.value?.row.key === row.key);
  if (!shown.value) return null;
  const may = actionsOf(here, row);
  return (
    <div class="quick" role="toolbar" aria-label={w.more}>
      {may.includes("reply") && (
        <>
          <button aria-label={w.like} title={w.like} onClick={() => void react(here, row, LIKE)}>{LIKE}</button>
          <button aria-label={w.reply} title={w.reply} onClick={() => void act("reply", here, row)}><Icon name="reply" /></button>
        </>
      )}
      {may.includes("thread") && (
        <button aria-label={w.thread} title={w.thread} onClick={() => void act("thread", here, row)}><Icon name="thread" /></button>
      )}
      <button
        aria-label={w.more}
        title={w.more}
        aria-haspopup="menu"
        onClick={(event) => {
          const { left, bottom } = event.currentTarget.getBoundingClientRect();
          menu.value = { here, row, x: left, y: bottom };
        }}
      >
        <Icon name="more" />
      </button>
    </div>
  );
}
