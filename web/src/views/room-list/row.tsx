/** One room in the list: who, what was said last and when, what is new. An invitation asks to be answered. */

import { useSignal } from "@preact/signals";

import { matrix } from "../../matrix/client";
import { nameIn } from "../../matrix/happened";
import { accept, leave } from "../../matrix/room-actions";
import type { RoomRow } from "../../matrix/rooms";
import { address, go } from "../../router";
import { Avatar } from "../../ui/avatar";
import { inPlainWords } from "../../ui/errors";
import { Icon, type IconName } from "../../ui/icon";
import { tell } from "../../ui/question";
import { shortWhen } from "../../ui/when";
import { words } from "../../words";

const COUNTED_MAX = 999;

const w = words({
  unread: [(n: number) => `안 읽음 ${n}`, (n: number) => `${n} unread`],
  mentions: [(n: number) => `나를 부름 ${n}`, (n: number) => `${n} mentions`],
  marked: ["안 읽음으로 표시됨", "Marked unread"],
  quietly: ["새 메시지 있음", "New messages"],
  pinned: ["고정됨", "Pinned"],
  muted: ["알림 꺼짐", "Muted"],
  encrypted: ["암호화됨", "Encrypted"],
  people: [(n: number) => `${n}명`, (n: number) => `${n} people`],
  notices: ["운영자 공지", "Operator's notices"],
  more: [(name: string) => `${name} 메뉴`, (name: string) => `Menu of ${name}`],
  invites: [(who: string) => `${who}님의 초대`, (who: string) => `Invited by ${who}`],
  wantsToTalk: ["대화를 걸어 왔습니다", "Wants to chat"],
  accept: ["수락", "Accept"],
  decline: ["거절", "Decline"],
  knocking: ["허락을 기다리는 중", "Waiting to be let in"],
});

interface Shown {
  row: RoomRow;
  isHere: boolean;
  tabIndex: 0 | -1;
  onMenu(): void;
}

export function Row({ row, isHere, tabIndex, onMenu }: Shown) {
  const isNew = row.unread > 0 || row.markedUnread;
  return (
    <div class="room-row" data-notices={row.notices || undefined}>
      <a
        class="opens"
        href={address({ view: "room", roomId: row.id })}
        tabIndex={tabIndex}
        aria-current={isHere ? "page" : undefined}
        onContextMenu={(event) => {
          event.preventDefault();
          onMenu();
        }}
      >
        <Avatar name={row.name} id={row.direct || row.id} mxc={row.avatar} />
        <span class="lines">
          <span class="first">
            <span class="name" dir="auto">{row.name}</span>
            {row.notices && <span class="tag">{w.notices}</span>}
            {!row.direct && row.people > 2 && <span class="quiet" aria-label={w.people(row.people)}>{row.people}</span>}
            {row.pinned && <Mark name={w.pinned} icon="pin" />}
            {row.muted && <Mark name={w.muted} icon="muted" />}
            {row.encrypted && <Mark name={w.encrypted} icon="lock" />}
            <time class="quiet when">{shortWhen(row.lastAt)}</time>
          </span>
          <span class="second">
            <span class={isNew ? "line" : "line quiet"} dir="auto">{row.knocking ? w.knocking : row.lastLine}</span>
            <News row={row} />
          </span>
        </span>
      </a>
      <button class="plain more" tabIndex={tabIndex} aria-label={w.more(row.name)} onClick={onMenu}><Icon name="more" /></button>
    </div>
  );
}

function News({ row }: { row: RoomRow }) {
  if (row.highlights > 0) {
    return (
      <>
        <span class="count called" role="img" aria-label={w.mentions(row.highlights)}>@</span>
        <span class="count" role="img" aria-label={w.unread(row.unread)}>{counted(row.unread)}</span>
      </>
    );
  }
  if (row.unread > 0) return <span class="count" role="img" aria-label={w.unread(row.unread)}>{counted(row.unread)}</span>;
  if (row.markedUnread) return <span class="count dot" role="img" aria-label={w.marked} />;
  if (row.quietlyUnread) return <span class="count dot still" role="img" aria-label={w.quietly} />;
  return null;
}

function counted(n: number): string {
  return n > COUNTED_MAX ? `${COUNTED_MAX}+` : String(n);
}

export function InvitationRow({ row, tabIndex }: { row: RoomRow; tabIndex: 0 | -1 }) {
  const busy = useSignal(false);
  const answer = async (act: () => Promise<void>) => {
    busy.value = true;
    try {
      await act();
    } catch (error) {
      tell(inPlainWords(error));
    } finally {
      busy.value = false;
    }
  };
  const enter = async () => {
    await accept(row.id);
    go({ view: "room", roomId: row.id });
  };
  const room = matrix().getRoom(row.id);
  const direct = room?.getDMInviter();
  const inviter = nameIn(room, row.inviter);
  const said = direct && inviter === row.name ? w.wantsToTalk : w.invites(inviter); // a chosen name never hides who invites
  return (
    <div class="room-row invitation" role="group" aria-label={`${row.name}, ${said}`}>
      <a class="peek" href={address({ view: "room", roomId: row.id })} tabIndex={tabIndex}>
        <Avatar name={row.name} id={direct ?? row.id} mxc={row.avatar} />
        <span class="lines">
          <span class="name" dir="auto">{row.name}</span>
          <span class="line quiet" dir="auto" title={row.inviter}>{said}</span>
        </span>
      </a>
      <button class="primary opens" tabIndex={tabIndex} disabled={busy.value} onClick={() => answer(enter)}>{w.accept}</button>
      <button
        class="plain decline" aria-label={w.decline} title={w.decline} tabIndex={tabIndex} disabled={busy.value}
        onClick={() => answer(() => leave(row.id))}
      >
        <Icon name="close" />
      </button>
    </div>
  );
}

function Mark({ name, icon }: { name: string; icon: IconName }) {
  return (
    <span class="mark" role="img" aria-label={name} title={name}>
      <Icon name={icon} />
    </span>
  );
}
