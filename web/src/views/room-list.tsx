/** Friends and rooms in one list, newest first; over it the search, which looks for rooms, people and messages. */

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";

import { ready } from "../matrix/client";
import { rooms } from "../matrix/rooms";
import { go, place } from "../router";
import { Icon } from "../ui/icon";
import { Rows } from "../ui/rows";
import { words } from "../words";
import { EncryptionCard } from "./encryption/card";
import { AskNotify } from "./room-list/ask-notify";
import { Found } from "./room-list/found";
import { InvitationRow, Row } from "./room-list/row";
import { RoomMenu } from "./room-list/menu";
import "./room-list/room-list.css";
import "../ui/badge";

const w = words({
  title: ["대화", "Chats"],
  none: ["아직 대화가 없습니다.", "No chats yet."],
  noneHint: ["친구를 찾아 말을 걸거나 여럿이 모이는 방을 만들어 보세요.", "Find a friend and say hello, or make a room for many."],
  find: ["친구 찾기", "Find friends"],
  group: ["새 대화방", "New group"],
  loading: ["불러오는 중…", "Loading…"],
  search: ["대화, 사람, 메시지 찾기", "Find chats, people, messages"],
});

export function RoomList() {
  const query = useSignal("");
  const menuOf = useSignal<string | null>(null);
  const box = useRef<HTMLElement>(null);
  const here = place.value.view === "room" ? place.value.roomId : null;
  const all = rooms.value;

  const toRows = (event: KeyboardEvent) => {
    if (event.key === "Escape") query.value = "";
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    box.current?.querySelector<HTMLElement>(".opens[tabindex='0'], .found .opens")?.focus();
  };

  return (
    <section ref={box} class="room-list" aria-label={w.title}>
      <div class="inner">
        <header>
          <input
            type="search"
            class="seek"
            aria-label={w.search}
            placeholder={w.search}
            value={query.value}
            onInput={(event) => (query.value = event.currentTarget.value)}
            onKeyDown={toRows}
            enterkeyhint="search"
          />
          <button class="plain new" aria-label={w.group} title={w.group} onClick={() => go({ view: "new" })}><Icon name="plus" /></button>
        </header>
        {!query.value.trim() && all.length > 0 && <EncryptionCard />}
        {query.value.trim() ? (
          <Found term={query.value.trim()} onLeave={() => (query.value = "")} />
        ) : !ready.value ? (
          <p class="quiet hint" role="status">{w.loading}</p>
        ) : !all.length ? (
          <Nobody />
        ) : (
          <Rows label={w.title} rows={all} current={here}>
            {(row, tabIndex) =>
              row.invited ? (
                <InvitationRow row={row} tabIndex={tabIndex} />
              ) : (
                <Row row={row} isHere={row.id === here} tabIndex={tabIndex} onMenu={() => (menuOf.value = row.id)} />
              )
            }
          </Rows>
        )}
        {all.length > 0 && <AskNotify />}
        {menuOf.value && <RoomMenu roomId={menuOf.value} onClose={() => (menuOf.value = null)} />}
      </div>
    </section>
  );
}

function Nobody() {
  return (
    <>
      <div class="hint">
        <p><strong>{w.none}</strong></p>
        <p class="quiet">{w.noneHint}</p>
        <p class="ways">
          <button class="primary" onClick={() => go({ view: "people" })}>{w.find}</button>
          <button onClick={() => go({ view: "new" })}>{w.group}</button>
        </p>
      </div>
      <EncryptionCard />
    </>
  );
}
