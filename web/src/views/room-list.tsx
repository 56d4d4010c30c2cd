/** Friends and rooms in one list, newest first. */

import { rooms } from "../matrix/rooms";
import { ready } from "../matrix/client";
import { go, place } from "../router";
import { Avatar } from "../ui/avatar";
import { words } from "../words";

const w = words({
  title: ["대화", "Chats"],
  none: ["아직 대화가 없습니다.", "No chats yet."],
  loading: ["불러오는 중…", "Loading…"],
  unread: [(n: number) => `안 읽음 ${n}`, (n: number) => `${n} unread`],
});

export function RoomList() {
  const here = place.value.view === "room" ? place.value.roomId : null;
  return (
    <section class="room-list" aria-label={w.title}>
      {!ready.value && <p class="quiet" role="status">{w.loading}</p>}
      {ready.value && !rooms.value.length && <p class="quiet">{w.none}</p>}
      <ul>
        {rooms.value.map((room) => (
          <li key={room.id}>
            <button class="plain" aria-current={room.id === here || undefined} onClick={() => go({ view: "room", roomId: room.id })}>
              <Avatar name={room.name} id={room.id} />
              <span>{room.name}</span>
              <span class="quiet">{room.lastLine}</span>
              {room.unread > 0 && <span class="count" aria-label={w.unread(room.unread)}>{room.unread}</span>}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
