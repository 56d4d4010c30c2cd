/** Ways into a room for others: by name, or by its address and code. */

import { useSignal } from "@preact/signals";
import { EventType, KnownMembership, type Room } from "matrix-js-sdk";

import { setDoor } from "../../matrix/groups";
import { addressOfRoom } from "../../matrix/invitations";
import type { Person } from "../../matrix/people";
import { mayChange } from "../../matrix/powers";
import { inPlainWords } from "../../ui/errors";
import { Icon } from "../../ui/icon";
import { tell } from "../../ui/question";
import { Share } from "../../ui/share";
import { words } from "../../words";
import { PeoplePicker } from "../people-picker";
import { useRoom } from "./use-room";

const w = words({
  people: ["이름으로 초대", "By name"],
  invite: ["초대하기", "Invite"],
  inviteSome: [(n: number) => `${n}명 초대하기`, (n: number) => `Invite ${n}`],
  done: ["초대했습니다.", "Invited."],
  notAll: [(names: string) => `초대하지 못했습니다: ${names}`, (names: string) => `Not invited: ${names}`],
  address: ["주소로 초대", "By address"],
  code: ["대화방 초대 코드", "Code that leads to the room"],
  public: ["이 주소를 연 누구나 들어올 수 있습니다.", "Whoever opens this address can join."],
  unread: ["새로 온 사람은 그 전의 암호화된 메시지를 읽을 수 없습니다.", "Newcomers cannot read the encrypted messages from before."],
  knock: ["이 주소를 연 사람은 들어오기를 요청할 수 있습니다.", "Whoever opens this address can ask to join."],
  closed: [
    "지금은 초대받은 사람만 이 주소로 들어올 수 있습니다.",
    "For now only invited people can join by this address.",
  ],
  open: ["주소를 받은 누구나 들어오게 하기", "Let whoever has the address join"],
  opened: ["이제 이 주소로 들어올 수 있습니다.", "The address now lets people in."],
});

export function InfoInvite({ room }: { room: Room }) {
  useRoom(room.roomId);
  const chosen = useSignal<Person[]>([]);
  const busy = useSignal(false);
  const rule: string = room.getJoinRule();
  const isHere = (userId: string) => {
    const membership = room.getMember(userId)?.membership;
    return membership === KnownMembership.Join || membership === KnownMembership.Invite || membership === KnownMembership.Ban;
  };
  const invite = async () => {
    busy.value = true;
    const refused: Person[] = [];
    let why = "";
    for (const person of chosen.value) {
      await room.client.invite(room.roomId, person.userId).catch((error: unknown) => {
        refused.push(person);
        why = inPlainWords(error);
      });
    }
    chosen.value = refused; // to be tried again
    busy.value = false;
    tell(refused.length ? `${w.notAll(refused.map(({ name }) => name).join(", "))} — ${why}` : w.done);
  };
  const open = async () => {
    busy.value = true;
    await setDoor(room.roomId, "public").then(() => tell(w.opened), (error: unknown) => tell(inPlainWords(error)));
    busy.value = false;
  };
  return (
    <>
      <h3>{w.people}</h3>
      <PeoplePicker chosen={chosen} without={isHere} />
      <button class="primary wide" disabled={busy.value || !chosen.value.length} onClick={() => void invite()}>
        {chosen.value.length ? w.inviteSome(chosen.value.length) : w.invite}
      </button>
      <h3>{w.address}</h3>
      <p class="quiet">{rule === "public" ? w.public : rule.startsWith("knock") ? w.knock : w.closed} {room.hasEncryptionStateEvent() && w.unread}</p>
      {rule === "invite" && mayChange(room, EventType.RoomJoinRules) && (
        <button class="wide" disabled={busy.value} onClick={() => void open()}><Icon name="link" /> {w.open}</button>
      )}
      <Share address={addressOfRoom(room)} title={room.name} code={w.code} />
    </>
  );
}
