/** The first page about a room: what it is, how loud it is, and the ways on. */

import type { Room } from "matrix-js-sdk";

import { directRooms } from "../../matrix/direct";
import { countOf } from "../../matrix/members";
import { type Loudness, loudness, setLoudness } from "../../matrix/mute";
import { mayAct } from "../../matrix/powers";
import { setPinned } from "../../matrix/room-actions";
import { pictureOf, TAG_PINNED } from "../../matrix/room-row";
import { topicOf } from "../../matrix/room-settings";
import { Avatar } from "../../ui/avatar";
import { Icon, type IconName } from "../../ui/icon";
import { useWish } from "../../ui/use-wish";
import { words } from "../../words";
import { RoomEncryption } from "../encryption/room-encryption";
import { showPerson } from "../person-card";
import { leaveAsked } from "../room-list/menu";
import { openPage, type Page } from "./info";
import { useRoom } from "./use-room";

const w = words({
  people: [(n: number) => `참여자 ${n}명`, (n: number) => (n === 1 ? "1 person" : `${n} people`)],
  profile: ["상대 프로필", "Their profile"],
  invite: ["초대와 주소", "Invite, address and code"],
  search: ["이 방에서 찾기", "Search in this room"],
  settings: ["대화방 설정", "Room settings"],
  encryption: ["암호화와 지난 대화", "Encryption and history"],
  pin: ["맨 위에 고정", "Pin to the top"],
  notify: ["알림", "Notifications"],
  all: ["모든 메시지", "All messages"],
  mentions: ["나를 부를 때만", "Only when I am mentioned"],
  none: ["끔", "Off"],
  leave: ["대화방 나가기", "Leave the room"],
});

const LOUDNESS: Loudness[] = ["all", "mentions", "none"];

export function InfoHome({ room }: { room: Room }) {
  useRoom(room.roomId);
  const other = directRooms.value.get(room.roomId);
  const topic = topicOf(room);
  return (
    <>
      <div class="face">
        <Avatar name={room.name} id={other ?? room.roomId} mxc={pictureOf(room)} large />
        <p class="name" dir="auto">{room.name}</p>
        {topic && <p class="topic" dir="auto">{topic}</p>}
        <RoomEncryption roomId={room.roomId} />
      </div>
      <nav class="doors">
        {other && <Way icon="people" label={w.profile} onClick={() => showPerson(other, room.roomId)} />}
        {!other && <Door icon="people" label={w.people(countOf(room))} room={room} page="members" />}
        {!other && mayAct(room, "invite") && <Door icon="link" label={w.invite} room={room} page="invite" />}
        <Door icon="search" label={w.search} room={room} page="search" />
        <Door icon={other ? "lock" : "settings"} label={other ? w.encryption : w.settings} room={room} page="settings" />
      </nav>
      <Pinned room={room} />
      <LoudnessOf room={room} />
      <button class="danger leave" onClick={() => void leaveAsked(room.roomId)}><Icon name="out" /> {w.leave}</button>
    </>
  );
}

function Door({ icon, label, room, page }: { icon: IconName; label: string; room: Room; page: Page }) {
  return <Way icon={icon} label={label} onClick={() => openPage(room.roomId, page)} />;
}

function Way({ icon, label, onClick }: { icon: IconName; label: string; onClick(): void }) {
  return (
    <button class="plain" onClick={onClick}>
      <Icon name={icon} /> <span>{label}</span> <Icon name="next" />
    </button>
  );
}

function Pinned({ room }: { room: Room }) {
  const [pinned, pin] = useWish(TAG_PINNED in room.tags, (wanted) => setPinned(room.roomId, wanted));
  return (
    <label class="choice">
      <input type="checkbox" checked={pinned} onChange={(event) => pin(event.currentTarget.checked)} />
      {w.pin}
    </label>
  );
}

function LoudnessOf({ room }: { room: Room }) {
  const now = loudness.value.get(room.roomId) ?? "all";
  const [shown, wish] = useWish<Loudness>(now, (wanted) => setLoudness(room.roomId, wanted));
  return (
    <fieldset>
      <legend>{w.notify}</legend>
      {LOUDNESS.map((each) => (
        <label key={each} class="choice">
          <input type="radio" name="loudness" checked={shown === each} onChange={() => wish(each)} />
          {w[each as "all" | "mentions" | "none"]}
        </label>
      ))}
    </fieldset>
  );
}
