/** What a room is, and for whoever may, the means to change it. What one may not change is shown, not offered. */

import { useSignal } from "@preact/signals";
import { EventType, type Room } from "matrix-js-sdk";

import { encrypt } from "../../matrix/crypto-rooms";
import { directRooms } from "../../matrix/direct";
import { type Door, NAME_CHARACTERS_MAX, setDoor, uploadPicture } from "../../matrix/groups";
import { mayChange } from "../../matrix/powers";
import { pictureOf } from "../../matrix/room-row";
import {
  HISTORY,
  historyOf,
  isAlias,
  localOf,
  setAlias,
  setHistory,
  setName,
  setPicture,
  setTopic,
  TOPIC_CHARACTERS_MAX,
  topicOf,
} from "../../matrix/room-settings";
import { Avatar } from "../../ui/avatar";
import { inPlainWords } from "../../ui/errors";
import { PictureField } from "../../ui/picture-field";
import { ask, tell } from "../../ui/question";
import { useWish } from "../../ui/use-wish";
import { words } from "../../words";
import { TextSetting } from "./text-setting";
import { useRoom } from "./use-room";

const w = words({
  name: ["이름", "Name"],
  topic: ["주제", "Topic"],
  savePicture: ["사진 바꾸기", "Use this picture"],
  noPicture: ["사진 빼기", "Remove the picture"],
  door: ["누가 들어올 수 있나요?", "Who may come in?"],
  invite: ["초대받은 사람만", "Invited people only"],
  knock: ["요청하면 허락", "Whoever asks and is let in"],
  public: ["주소를 받은 누구나", "Whoever has the address"],
  otherDoor: ["다른 규칙", "Another rule"],
  history: ["지난 대화를 누가 보나요?", "Who sees what was said before?"],
  joined: ["들어온 뒤의 대화만", "Members, from when they joined"],
  invited: ["초대받은 뒤의 대화부터", "Members, from when they were invited"],
  shared: ["참여자는 처음부터", "Members, all of it"],
  world_readable: ["누구나 (들어오지 않아도)", "Anybody, without joining"],
  alias: ["주소 이름", "Address"],
  aliasHint: [(server: string) => `#이름:${server}`, (server: string) => `#name:${server}`],
  badAlias: ["빈칸과 : # @ ! $ 는 쓸 수 없습니다.", "No spaces, and none of : # @ ! $"],
  encryption: ["암호화", "Encryption"],
  isEncrypted: ["종단간 암호화됩니다. 끌 수 없습니다.", "End-to-end encrypted. It cannot be turned off."],
  isPlain: ["암호화되지 않습니다. 서버 운영자가 읽을 수 있습니다.", "Not encrypted. Whoever runs the server can read it."],
  encrypt: ["암호화 켜기", "Turn encryption on"],
  encryptText: [
    "앞으로의 메시지는 참여자의 기기에서만 읽을 수 있습니다. 되돌릴 수 없고, 서버에서 찾을 수 없게 됩니다.",
    "From now on only the members' devices can read it. It cannot be undone, and the server cannot search it.",
  ],
  saved: ["저장했습니다.", "Saved."],
  readOnly: ["이 방의 설정은 관리자가 바꿀 수 있습니다.", "Admins of this room can change its settings."],
});

const DOORS: Door[] = ["invite", "knock", "public"];

export function InfoSettings({ room }: { room: Room }) {
  useRoom(room.roomId);
  const id = room.roomId;
  if (directRooms.value.has(id)) return <><HistoryOf room={room} /><EncryptionOf room={room} /></>; // called and pictured as the other one is
  const mayName = mayChange(room, EventType.RoomName);
  return (
    <>
      {!mayName && <p class="quiet">{w.readOnly}</p>}
      {mayChange(room, EventType.RoomAvatar) && <Picture room={room} />}
      <TextSetting
        label={w.name}
        value={room.name}
        max={NAME_CHARACTERS_MAX}
        readOnly={!mayName}
        save={(text) => setName(id, text)}
        needed
      />
      <TextSetting
        label={w.topic}
        value={topicOf(room)}
        max={TOPIC_CHARACTERS_MAX}
        readOnly={!mayChange(room, EventType.RoomTopic)}
        save={(text) => setTopic(id, text)}
        lines
      />
      <DoorOf room={room} />
      <HistoryOf room={room} />
      <TextSetting
        label={w.alias}
        hint={w.aliasHint(room.client.getDomain() ?? "")}
        value={localOf(room.getCanonicalAlias())}
        max={200}
        readOnly={!mayChange(room, EventType.RoomCanonicalAlias)}
        fault={(text) => (!text || isAlias(text) ? "" : w.badAlias)}
        save={(text) => setAlias(room, text)}
      />
      <EncryptionOf room={room} />
    </>
  );
}

function Picture({ room }: { room: Room }) {
  const chosen = useSignal<File | null>(null);
  const { busy, run } = useSaving();
  const save = () =>
    run(async () => {
      await setPicture(room.roomId, await uploadPicture(chosen.value!));
      chosen.value = null;
    });
  return (
    <div class="room-picture">
      <PictureField chosen={chosen}>
        <Avatar name={room.name} id={room.roomId} mxc={pictureOf(room)} large />
      </PictureField>
      {chosen.value && <button class="primary" disabled={busy} onClick={() => void save()}>{w.savePicture}</button>}
      {!chosen.value && room.getMxcAvatarUrl() && (
        <button class="plain" disabled={busy} onClick={() => void run(() => setPicture(room.roomId, ""))}>{w.noPicture}</button>
      )}
    </div>
  );
}

function DoorOf({ room }: { room: Room }) {
  useRoom(room.roomId);
  const [rule, wish] = useWish<string>(room.getJoinRule(), (wanted) => setDoor(room.roomId, wanted as Door));
  const isKnown = DOORS.includes(rule as Door);
  return (
    <label>
      {w.door}
      <select
        value={rule}
        disabled={!mayChange(room, EventType.RoomJoinRules)}
        onChange={(event) => wish(event.currentTarget.value)}
      >
        {!isKnown && <option value={rule}>{w.otherDoor}</option>}
        {DOORS.map((each) => <option key={each} value={each}>{w[each as "invite" | "knock" | "public"]}</option>)}
      </select>
    </label>
  );
}

function HistoryOf({ room }: { room: Room }) {
  useRoom(room.roomId);
  const [visibility, wish] = useWish(historyOf(room), (wanted) => setHistory(room.roomId, wanted as (typeof HISTORY)[number]));
  return (
    <label>
      {w.history}
      <select
        value={visibility}
        disabled={!mayChange(room, EventType.RoomHistoryVisibility)}
        onChange={(event) => wish(event.currentTarget.value)}
      >
        {HISTORY.map((each) => <option key={each} value={each}>{w[each as "joined" | "invited" | "shared" | "world_readable"]}</option>)}
      </select>
    </label>
  );
}

function EncryptionOf({ room }: { room: Room }) {
  useRoom(room.roomId);
  const { busy, run } = useSaving();
  const isEncrypted = room.hasEncryptionStateEvent();
  const turnOn = async () => {
    const isMeant = await ask({ title: w.encrypt, text: w.encryptText, yes: w.encrypt });
    if (isMeant) await run(() => encrypt(room.roomId));
  };
  return (
    <section>
      <h3>{w.encryption}</h3>
      <p class="quiet">{isEncrypted ? w.isEncrypted : w.isPlain}</p>
      {!isEncrypted && mayChange(room, EventType.RoomEncryption) && (
        <button disabled={busy} onClick={() => void turnOn()}>{w.encrypt}</button>
      )}
    </section>
  );
}

function useSaving() {
  const busy = useSignal(false);
  const run = async (what: () => Promise<unknown>) => {
    busy.value = true;
    try {
      await what();
      tell(w.saved);
    } catch (error) {
      tell(inPlainWords(error));
    } finally {
      busy.value = false;
    }
  };
  return { busy: busy.value, run };
}
