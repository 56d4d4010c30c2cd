/** The members of a room and a search in them; of many, those in sight. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import { type Room, RoomStateEvent } from "matrix-js-sdk";

import { type MemberRow, membersOf } from "../../matrix/members";
import { mayAct } from "../../matrix/powers";
import { matches } from "../../matrix/search";
import { Avatar } from "../../ui/avatar";
import { inPlainWords } from "../../ui/errors";
import { Icon } from "../../ui/icon";
import { Rows } from "../../ui/rows";
import { words } from "../../words";
import { showPerson } from "../person-card";
import { openPage } from "./info";
import { roleWords } from "./member-actions";

const REFRESH_MS = 500; // with thousands of members, hundreds may change at a time

const w = words({
  find: ["참여자 찾기", "Find a member"],
  loading: ["참여자를 불러오는 중…", "Loading the members…"],
  none: ["찾는 사람이 없습니다.", "Nobody found."],
  members: ["참여자", "Members"],
  shown: [(n: number) => `${n}명`, (n: number) => `${n} people`],
  knock: ["들어오기를 요청", "Asks to join"],
  invite: ["초대됨", "Invited"],
  ban: ["차단됨", "Banned"],
  add: ["초대하기", "Invite"],
  me: ["나", "You"],
});

export function InfoMembers({ room }: { room: Room }) {
  const term = useSignal("");
  const { members, loading, error } = useMembers(room);
  const wanted = term.value.trim();
  const found = useMemo(
    () => (wanted ? members.filter(({ id, name }) => matches(name, wanted) || id.includes(wanted)) : members),
    [members, wanted],
  );
  return (
    <>
      <div class="seek">
        <input
          type="search"
          aria-label={w.find}
          placeholder={w.find}
          value={term.value}
          onInput={(event) => (term.value = event.currentTarget.value)}
        />
        {mayAct(room, "invite") && (
          <button class="plain" aria-label={w.add} onClick={() => openPage(room.roomId, "invite")}><Icon name="plus" /></button>
        )}
      </div>
      {error !== null && <p class="error" role="alert">{inPlainWords(error)}</p>}
      <p class="quiet" role="status">{loading ? w.loading : found.length ? w.shown(found.length) : w.none}</p>
      <Rows label={w.members} rows={found}>
        {(row, tabIndex) => <Member row={row} room={room} tabIndex={tabIndex} />}
      </Rows>
    </>
  );
}

function Member({ row, room, tabIndex }: { row: MemberRow; room: Room; tabIndex: 0 | -1 }) {
  const standing = row.standing === "join" ? "" : w[row.standing as "knock" | "invite" | "ban"];
  const role = row.role === "member" || row.standing !== "join" ? "" : roleWords[row.role as "admin"];
  return (
    <button class="plain opens member" tabIndex={tabIndex} onClick={() => showPerson(row.id, room.roomId)}>
      <Avatar name={row.name} id={row.id} mxc={row.avatar} />
      <span class="lines">
        <span class="name" dir="auto">{row.name}{row.id === room.myUserId && <span class="quiet"> · {w.me}</span>}</span>
        <span class="quiet line">{row.id}</span>
      </span>
      {(standing || role) && <span class="tag" data-standing={row.standing}>{standing || role}</span>}
    </button>
  );
}

function useMembers(room: Room): { members: MemberRow[]; loading: boolean; error: unknown } {
  const [state, setState] = useState({ members: membersOf(room), loading: true, error: null as unknown });
  useEffect(() => {
    let timer = 0;
    let isShown = true;
    const look = () => {
      timer = 0;
      setState((before) => ({ ...before, members: membersOf(room) }));
    };
    const later = () => {
      timer ||= window.setTimeout(look, REFRESH_MS);
    };
    room.loadMembersIfNeeded().then(
      () => isShown && setState({ members: membersOf(room), loading: false, error: null }),
      (error: unknown) => isShown && setState((before) => ({ ...before, loading: false, error })),
    );
    room.on(RoomStateEvent.Members, later);
    room.on(RoomStateEvent.Update, later);
    return () => {
      isShown = false;
      clearTimeout(timer);
      room.off(RoomStateEvent.Members, later);
      room.off(RoomStateEvent.Update, later);
    };
  }, [room]);
  return state;
}
