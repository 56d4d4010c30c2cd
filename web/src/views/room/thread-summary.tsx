/** Below the root of a thread: how many replies, the latest, and the way into it. */

import { nameIn } from "../../matrix/happened";
import { inWords } from "../../matrix/last-line";
import type { MessageRow } from "../../matrix/timeline/rows";
import { go } from "../../router";
import { Icon } from "../../ui/icon";
import { words } from "../../words";
import { useHere } from "./here";

const w = words({
  replies: [(n: number) => `댓글 ${n}개`, (n: number) => (n === 1 ? "1 reply" : `${n} replies`)],
  unread: ["새 댓글", "New replies"],
});

export function ThreadSummary({ row }: { row: MessageRow }) {
  const { room } = useHere();
  const { count, latest, unread } = row.thread!;
  return (
    <button class="plain thread-summary" onClick={() => go({ view: "room", roomId: room.roomId, thread: row.id })}>
      <Icon name="thread" />
      <strong>{w.replies(count)}</strong>
      {unread && <span class="dot" role="img" aria-label={w.unread} />}
      {latest && <span class="latest"><bdi>{nameIn(room, latest.getSender() ?? "")}: {inWords(latest)}</bdi></span>}
    </button>
  );
}
