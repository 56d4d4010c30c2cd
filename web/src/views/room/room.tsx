/** One room: its head, its timeline, its composer; a thread or the room's own pages beside it. */

import { useComputed } from "@preact/signals";
import { KnownMembership } from "matrix-js-sdk";

import { ready } from "../../matrix/client";
import { rowsById } from "../../matrix/rooms";
import { Boundary } from "../../ui/boundary";
import { words } from "../../words";
import { Join } from "../join";
import { Composer } from "./composer";
import { RoomHead } from "./head";
import { RoomInfo } from "./info";
import { MessageDialogs } from "./message-dialogs";
import { MessageMenu } from "./message-menu";
import { ThreadList } from "./thread-list";
import { ThreadPanel } from "./thread";
import { Timeline } from "./timeline";
import { useRoom } from "./use-room";
import "./room.css";

const w = words({
  operator: ["운영자의 공지입니다. 여기에는 답할 수 없습니다.", "Notices of the operator. They cannot be answered here."],
});

interface Shown {
  roomId: string;
  eventId?: string;
  thread?: string;
  panel?: string;
}

export function RoomView(shown: Shown) {
  if (!ready.value) return null;
  return <Known {...shown} />;
}

function Known({ roomId, eventId, thread, panel }: Shown) {
  useComputed(() => rowsById.value.has(roomId)).value; // a room that is joined only now
  const room = useRoom(roomId);
  if (room?.getMyMembership() !== KnownMembership.Join) return <Join target={roomId} via={[]} />;
  const ofOperator = "m.server_notice" in room.tags;
  return (
    <div class="room" data-beside={Boolean(thread || panel) || undefined} data-operator={ofOperator || undefined}>
      <div class="room-main">
        <Boundary><RoomHead roomId={roomId} /></Boundary>
        <Boundary of={eventId}><Timeline roomId={roomId} eventId={thread ? undefined : eventId} /></Boundary>
        {ofOperator ? <p class="operator-word quiet">{w.operator}</p> : <Boundary><Composer roomId={roomId} /></Boundary>}
      </div>
      <Boundary of={`${thread} ${panel} ${eventId}`}>
        {thread ? <ThreadPanel key={thread} roomId={roomId} thread={thread} eventId={eventId} /> : beside(roomId, panel)}
      </Boundary>
      <Boundary>
        <MessageMenu />
        <MessageDialogs />
      </Boundary>
    </div>
  );
}

function beside(roomId: string, panel: string | undefined) {
  if (panel === "threads") return <ThreadList roomId={roomId} />;
  return panel && <RoomInfo roomId={roomId} panel={panel} />;
}
