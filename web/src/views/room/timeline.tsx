/**
 * The messages of a room or a thread: endless both ways, at the newest unless the reader went elsewhere.
 *
 * What was before the reader's eyes while the page was visible counts as read. An event in the address is jumped to.
 */

import { useSignal, useSignalEffect } from "@preact/signals";
import type { Room } from "matrix-js-sdk";
import { useEffect, useMemo, useRef } from "preact/hooks";

import { matrix } from "../../matrix/client";
import { seen } from "../../matrix/receipts";
import { RoomTimeline } from "../../matrix/timeline";
import type { Row } from "../../matrix/timeline/rows";
import { Boundary } from "../../ui/boundary";
import { go } from "../../router";
import { tell } from "../../ui/question";
import { words } from "../../words";
import { Edges, JumpDown, JumpUp, NewestAloud } from "./edges";
import { type Here, HereContext, menu } from "./here";
import { LinesBefore, StateLine } from "./lines";
import { Message } from "./message";
import { pointAt, pointed } from "./pointed";
import { Scroller, type ScrollerHandle } from "./scroller";
import { walkMessages } from "./walk-messages";
import "./timeline.css";

const MARKED_MS = 2_500; // how long a message that was jumped to stands out

const w = words({
  label: ["메시지", "Messages"],
  thread: ["스레드의 메시지", "Messages of the thread"],
  missing: ["그 메시지를 찾을 수 없습니다.", "That message cannot be found."],
});

export function Timeline({ roomId, eventId, thread }: { roomId: string; eventId?: string; thread?: string }) {
  const room = matrix().getRoom(roomId);
  return room && <Opened key={`${roomId} ${thread ?? ""}`} room={room} eventId={eventId} thread={thread} />;
}

function Opened({ room, eventId, thread }: { room: Room; eventId?: string; thread?: string }) {
  const timeline = useMemo(() => new RoomTimeline(matrix(), room, thread), []);
  const scroller = useRef<ScrollerHandle>(null);
  const atEnd = useSignal(true);
  const marked = useSignal<string | null>(null);
  const upwards = useSignal(false); // what is new begins above what is seen
  const hasSeenFirst = useRef(false); // of what is new
  const wasPlaced = useRef(false); // a list is drawn from its top before it is at its end
  const jumps = useRef(0); // counted: the latest holds

  const jump = async (id: string, align: "start" | "center" = "center") => {
    const turn = ++jumps.current;
    const isThere = await timeline.open(id).then(() => true, () => false);
    await drawn();
    if (turn !== jumps.current) return;
    if (!isThere) return tell(w.missing);
    const root = thread ? undefined : timeline.threadRootOf(id);
    if (root) return go({ view: "room", roomId: room.roomId, thread: root, eventId: id }, { replace: true });
    const wanted = timeline.messageOf(id);
    const row = timeline.rows.peek().find((each) => each.id === wanted);
    if (!row || !scroller.current?.to(row.key, align)) return tell(w.missing);
    marked.value = align === "center" ? row.key : null;
    setTimeout(() => marked.value === row.key && (marked.value = null), MARKED_MS);
  };
  const toEnd = async () => {
    const turn = ++jumps.current;
    if (!timeline.live) await timeline.open().catch(() => undefined); // the edge says that it failed
    await drawn();
    if (turn === jumps.current) scroller.current?.toEnd();
  };
  const toUnread = async () => {
    if (timeline.unreadIsFarther) await jump(timeline.readBefore!, "start");
    await drawn();
    const row = timeline.rows.peek().find((each) => each.firstUnread);
    if (row) scroller.current?.to(row.key, "start");
    upwards.value = false;
    hasSeenFirst.current = true;
  };
  const here = useMemo((): Here => ({ room, timeline, thread, show: (id) => void jump(id) }), []);

  useEffect(() => {
    void timeline.open().catch(() => undefined); // the edge says that it failed and offers to try again
    return () => {
      timeline.close();
      if (menu.peek()?.here.timeline === timeline) menu.value = null;
    };
  }, []);
  useEffect(() => {
    if (eventId) void jump(eventId);
  }, [eventId]);

  const acknowledge = () => {
    const sight = scroller.current?.sight();
    if (!sight || document.visibilityState !== "visible") return;
    const rows = timeline.rows.peek();
    const event = atEnd.peek() && timeline.live ? timeline.newest : rows.find((row) => row.key === sight[1])?.event;
    if (event) seen(room.roomId, event, timeline.scope, (other) => timeline.isBehind(event, other));
    const first = rows.findIndex((row) => row.firstUnread);
    const top = rows.findIndex((row) => row.key === sight[0]);
    hasSeenFirst.current ||= wasPlaced.current && first !== -1 && first >= top;
    upwards.value = !hasSeenFirst.current && (timeline.unreadIsFarther || first !== -1);
  };
  useEffect(() => {
    document.addEventListener("visibilitychange", acknowledge);
    return () => document.removeEventListener("visibilitychange", acknowledge);
  }, []);
  const lastOwn = useRef<string | undefined>(undefined);
  useSignalEffect(() => {
    const last = timeline.rows.value.at(-1);
    const own = last?.kind === "message" && last.pending ? last.key : undefined;
    if (own && own !== lastOwn.current) void toEnd(); // what one has just written is seen
    lastOwn.current = own;
    requestAnimationFrame(acknowledge);
  });

  return (
    <HereContext.Provider value={here}>
      <div
        class="timeline"
        onPointerOver={pointAt}
        onFocusIn={pointAt}
        onPointerLeave={() => (pointed.value = null)}
        onKeyDown={(event) => walkMessages(event, timeline.rows.peek(), scroller.current)}
      >
        <Scroller
          handle={scroller}
          label={thread ? w.thread : w.label}
          rows={timeline.rows.value}
          draw={(row: Row) => (
            <Boundary small of={row.key}>
              <LinesBefore row={row} />
              {row.kind === "message" ? <Message row={row} marked={marked.value === row.key} /> : <StateLine row={row} />}
            </Boundary>
          )}
          onNear={(side) => void (side === "start" ? timeline.older.peek() !== "failed" && timeline.loadOlder() : timeline.newer.peek() !== "failed" && timeline.loadNewer())}
          onMove={(end) => {
            atEnd.value = end && timeline.newer.peek() === "none";
            timeline.following = atEnd.value;
            if (atEnd.value) {
              timeline.missed.value = 0;
              wasPlaced.current = true;
            }
            acknowledge();
          }}
        >
          <Edges timeline={timeline} />
          {upwards.value && <JumpUp onClick={() => void toUnread()} />}
          {!atEnd.value && <JumpDown arrived={timeline.missed.value} onClick={() => void toEnd()} />}
        </Scroller>
        <NewestAloud timeline={timeline} />
      </div>
    </HereContext.Provider>
  );
}

/** Two frames: one for the rows to be made, one for them to be in the page. */
function drawn(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve())));
}
