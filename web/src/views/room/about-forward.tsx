/** Where to forward a message: a room of the list, found by its name. */

import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";

import { matrix } from "../../matrix/client";
import { rooms } from "../../matrix/rooms";
import { matches } from "../../matrix/search";
import type { MessageRow } from "../../matrix/timeline/rows";
import { Avatar } from "../../ui/avatar";
import { ask, tell } from "../../ui/question";
import { words } from "../../words";
import type { Here } from "./here";
import { sendOrTell } from "./send-or-tell";

const SHOWN_MAX = 50;

const w = words({
  search: ["대화방 찾기", "Find a chat"],
  none: ["그런 대화방이 없습니다.", "No such chat."],
  done: [(name: string) => `${name}에 전달했습니다`, (name: string) => `Forwarded to ${name}`],
  open: ["암호화되지 않는 대화방입니다", "This chat is not encrypted"],
  openText: ["암호화된 대화의 메시지를 서버가 읽을 수 있는 곳으로 전달할까요?", "Forward a message of an encrypted chat to where the server can read it?"],
  yes: ["전달", "Forward"],
});

export function Forward({ here, row, close }: { here: Here; row: MessageRow; close(): void }) {
  const term = useSignal("");
  const id = useId();
  const found = rooms.value.filter((room) => !room.invited && matches(room.name, term.value)).slice(0, SHOWN_MAX);
  const forward = async (to: { id: string; name: string; encrypted: boolean }) => {
    close();
    const leaks = here.room.hasEncryptionStateEvent() && !to.encrypted;
    if (leaks && !(await ask({ title: w.open, text: w.openText, yes: w.yes, danger: true }))) return;
    const { "m.relates_to": _relation, "m.mentions": _mentions, ...content } = row.content;
    if (await sendOrTell({ roomId: to.id, type: row.event?.getType() ?? "m.room.message", content })) tell(w.done(to.name));
  };
  return (
    <>
      <label for={id}>{w.search}</label>
      <input id={id} type="search" value={term.value} onInput={(event) => (term.value = event.currentTarget.value)} />
      <ul class="people-list">
        {found.map((room) => (
          <li key={room.id}>
            <button class="plain" disabled={!matrix().getRoom(room.id)?.maySendMessage()} onClick={() => void forward(room)}>
              <Avatar name={room.name} id={room.id} mxc={room.avatar} /> <bdi>{room.name}</bdi>
            </button>
          </li>
        ))}
        {!found.length && <li class="quiet">{w.none}</li>}
      </ul>
    </>
  );
}
