/** All threads of a room, those with the latest replies first. */

import { useSignal } from "@preact/signals";
import { type IEvent, type MatrixEvent, Method } from "matrix-js-sdk";
import { useEffect } from "preact/hooks";

import { matrix } from "../../matrix/client";
import { nameIn } from "../../matrix/happened";
import { inWords } from "../../matrix/last-line";
import { go } from "../../router";
import { useAct } from "../../ui/use-act";
import { shortWhen } from "../../ui/when";
import { words } from "../../words";
import { Side } from "./side";

const PAGE_THREADS = 20;

const w = words({
  title: ["스레드 목록", "Threads"],
  none: ["아직 스레드가 없습니다.", "No threads yet."],
  more: ["더 보기", "Show more"],
  again: ["다시 시도", "Try again"],
  loading: ["불러오는 중…", "Loading…"],
  replies: [(n: number) => `댓글 ${n}개`, (n: number) => (n === 1 ? "1 reply" : `${n} replies`)],
});

interface Listed {
  roots: MatrixEvent[];
  next?: string;
}

export function ThreadList({ roomId }: { roomId: string }) {
  const listed = useSignal<Listed | null>(null);
  const { busy, wrong, run } = useAct();
  const load = () => run(async () => {
    const page = await threads(roomId, listed.peek()?.next);
    listed.value = { roots: [...(listed.peek()?.roots ?? []), ...page.roots], next: page.next };
  });
  useEffect(() => void load(), [roomId]);
  const { roots, next } = listed.value ?? {};
  return (
    <Side roomId={roomId} title={w.title}>
      <div class="thread-list">
        {wrong && <p class="error" role="alert">{wrong}</p>}
        {!roots && !wrong && <p class="quiet" role="status">{w.loading}</p>}
        {roots?.length === 0 && <p class="quiet">{w.none}</p>}
        <ul>{roots?.map((root) => <li key={root.getId()}><Root root={root} /></li>)}</ul>
        {(next || (wrong && !roots)) && <button disabled={busy} onClick={() => void load()}>{wrong ? w.again : w.more}</button>}
      </div>
    </Side>
  );
}

function Root({ root }: { root: MatrixEvent }) {
  const room = matrix().getRoom(root.getRoomId())!;
  const count = root.getServerAggregatedRelation<{ count: number }>("m.thread")?.count ?? 0;
  return (
    <button class="plain" onClick={() => go({ view: "room", roomId: room.roomId, thread: root.getId() })}>
      <strong><bdi>{nameIn(room, root.getSender() ?? "")}</bdi></strong> <time class="quiet">{shortWhen(root.getTs())}</time>
      <span class="line"><bdi>{inWords(root)}</bdi></span>
      <span class="quiet">{w.replies(count)}</span>
    </button>
  );
}

async function threads(roomId: string, from?: string): Promise<Listed> {
  const query = { limit: String(PAGE_THREADS), ...(from ? { from } : {}) };
  const path = `/rooms/${encodeURIComponent(roomId)}/threads`;
  const answer = await matrix().http.authedRequest<{ chunk: Partial<IEvent>[]; next_batch?: string }>(
    Method.Get, path, query, undefined, { prefix: "/_matrix/client/v1" },
  );
  const toEvent = matrix().getEventMapper();
  return { roots: answer.chunk.map((raw) => toEvent({ ...raw, room_id: roomId })), next: answer.next_batch };
}
