/** The head of a room: its name, how many are in it, whether it is encrypted, and the doors to everything about it. */

import { KnownMembership } from "matrix-js-sdk";

import { rowsById } from "../../matrix/rooms";
import { go } from "../../router";
import { Avatar } from "../../ui/avatar";
import { Icon } from "../../ui/icon";
import { words } from "../../words";
import { RoomEncryption } from "../encryption/room-encryption";
import { Pinned } from "./pinned";
import { useRoom } from "./use-room";

const w = words({
  back: ["대화 목록으로", "Back to the chats"],
  info: ["대화방 정보", "About this room"],
  threads: ["스레드 목록", "Threads"],
  waiting: ["수락 기다리는 중", "Not accepted yet"],
  members: [(n: number) => `${n}명`, (n: number) => (n === 1 ? "1 member" : `${n} members`)],
  operator: ["운영자 공지", "Operator's notices"],
});

export function RoomHead({ roomId }: { roomId: string }) {
  const room = useRoom(roomId);
  const row = rowsById.value.get(roomId);
  if (!room) return null;
  const name = row?.name ?? room.name;
  const topic: unknown = room.currentState.getStateEvents("m.room.topic", "")?.getContent().topic;
  const isAwaited = row?.direct && room.getMember(row.direct)?.membership === KnownMembership.Invite;
  const said = "m.server_notice" in room.tags ? w.operator : isAwaited ? w.waiting : row?.direct ? "" : w.members(room.getJoinedMemberCount());
  return (
    <>
      <header class="room-head">
        <button class="plain square back" aria-label={w.back} title={w.back} onClick={() => go({ view: "rooms" })}><Icon name="back" /></button>
        <div class="room-title">
          <Avatar name={name} id={row?.direct || roomId} mxc={row?.avatar} />
          <div class="room-names">
            <h1><button class="plain" onClick={() => go({ view: "room", roomId, panel: "info" })} title={w.info}><bdi>{name}</bdi></button></h1>
            <p class="quiet line">
              <RoomEncryption roomId={roomId} />{said && <> · {said}</>}
              {typeof topic === "string" && topic && <> · <bdi>{topic}</bdi></>}
            </p>
          </div>
        </div>
        <button class="plain square" aria-label={w.threads} title={w.threads} onClick={() => go({ view: "room", roomId, panel: "threads" })}><Icon name="thread" /></button>
        <button class="plain square" aria-label={w.info} title={w.info} onClick={() => go({ view: "room", roomId, panel: "info" })}><Icon name="more" /></button>
      </header>
      <Pinned room={room} />
    </>
  );
}
