/** A person's card, over the page; `showPerson` opens it, from anywhere. */

import { signal, useSignal } from "@preact/signals";

import { matrix } from "../matrix/client";
import { canEncrypt, hasEncryptingDevice } from "../matrix/crypto-defaults";
import { directRooms } from "../matrix/direct";
import { addressOfPerson } from "../matrix/invitations";
import { blocked, directChatWith, personIn, profile, setBlocked, startDirect } from "../matrix/people";
import { go, type Place, place } from "../router";
import { Avatar } from "../ui/avatar";
import { Dialog } from "../ui/dialog";
import { inPlainWords } from "../ui/errors";
import { Icon } from "../ui/icon";
import { ask, tell } from "../ui/question";
import { Share } from "../ui/share";
import { useAnswer } from "../ui/use-answer";
import { words } from "../words";
import { PersonTrust } from "./encryption/person-trust";
import { MemberActions } from "./room/member-actions";
import "./person-card.css";

const w = words({
  me: ["나", "You"],
  chat: ["대화하기", "Chat"],
  encrypted: [
    "암호화된 대화로 시작합니다. 두 사람의 기기에서만 읽을 수 있고, 서버에서 메시지를 찾을 수 없습니다.",
    "The chat will be encrypted: only your devices and theirs can read it, and the server cannot search it.",
  ],
  plain: [
    "이 사람은 아직 암호화하는 기기가 없어 암호화하지 않고 시작합니다. 서버를 운영하는 사람이 읽을 수 있습니다.",
    "They have no device that encrypts yet, so the chat will not be encrypted: whoever runs the server can read it.",
  ],
  unable: [
    "이 브라우저는 암호화할 수 없어 암호화하지 않고 시작합니다. 서버를 운영하는 사람이 읽을 수 있습니다.",
    "This browser cannot encrypt, so the chat will not be encrypted: whoever runs the server can read it.",
  ],
  withoutLock: ["암호화하지 않고 시작", "Start without encryption"],
  withLock: ["그래도 암호화해서 시작", "Encrypt it anyway"],
  block: ["이 사람 차단", "Block this person"],
  unblock: ["차단 해제", "Unblock"],
  blockTitle: [(who: string) => `${who}님을 차단할까요?`, (who: string) => `Block ${who}?`],
  blockText: [
    "이 사람의 메시지와 초대가 보이지 않습니다. 상대에게는 알리지 않으며, 언제든 해제할 수 있습니다.",
    "You no longer see their messages and invitations. They are not told, and you can undo it at any time.",
  ],
  isBlocked: ["차단한 사람입니다.", "You have blocked this person."],
  myCode: ["나를 친구로 추가하는 코드", "Code to add you as a friend"],
  unknown: ["서버가 이 사람을 알지 못합니다.", "The server does not know this person."],
});

interface Shown {
  userId: string;
  roomId?: string; // where the person was met: what one may do there is offered too
  over: Place; // going elsewhere, as by a phone's back button, closes the card
}

const shown = signal<Shown | null>(null);

export function showPerson(userId: string, roomId?: string): void {
  shown.value = { userId, roomId, over: place.peek() };
}

export function PersonCard() {
  if (shown.value?.over !== place.value) return null;
  return <Card key={shown.value.userId} {...shown.value} onClose={() => (shown.value = null)} />;
}

function Card({ userId, roomId, onClose }: Shown & { onClose(): void }) {
  const room = roomId ? matrix().getRoom(roomId) : null;
  const asked = useAnswer(userId, () => profile(userId));
  const near = personIn(room, userId);
  const person = asked.value ? { ...asked.value, avatar: near.avatar || asked.value.avatar } : near;
  const isMe = userId === matrix().getUserId();
  const isUnknown = !asked.waiting && !asked.value && !room?.getMember(userId);
  return (
    <Dialog title={isMe ? w.me : person.name} onClose={onClose}>
      <div class="person-card">
        <Avatar name={person.name} id={userId} mxc={person.avatar} large />
        <p class="name" dir="auto">{person.name}</p>
        <p class="quiet id">{userId}</p>
        {isUnknown && <p class="error" role="alert">{w.unknown}</p>}
        {blocked.value.has(userId) && <p class="error">{w.isBlocked}</p>}
        {isMe ? (
          <Share address={addressOfPerson(userId)} title={person.name} code={w.myCode} />
        ) : (
          <>
            <Talk userId={userId} isKnown={!isUnknown} onClose={onClose} />
            <PersonTrust userId={userId} roomId={directChatWith(userId) ?? undefined} />
            {room && <MemberActions room={room} userId={userId} name={person.name} />}
            <p class="foot"><Block userId={userId} name={person.name} /></p>
          </>
        )}
      </div>
    </Dialog>
  );
}

function Talk({ userId, isKnown, onClose }: { userId: string; isKnown: boolean; onClose(): void }) {
  const busy = useSignal(false);
  directRooms.value; // whether there is a chat with them may change while the card is open
  const isNew = isKnown && !directChatWith(userId);
  const asked = useAnswer(isNew && canEncrypt.value ? userId : null, () => hasEncryptingDevice(userId));
  const encrypts = canEncrypt.value && asked.value !== false; // a question that failed is no reason to go without
  const start = async (encrypted: boolean) => {
    busy.value = true;
    try {
      const roomId = await startDirect(userId, encrypted);
      onClose();
      go({ view: "room", roomId });
    } catch (error) {
      tell(inPlainWords(error));
    } finally {
      busy.value = false;
    }
  };
  return (
    <div class="talk">
      <button class="primary" disabled={busy.value || !isKnown || asked.waiting} onClick={() => start(encrypts)}>
        <Icon name={!isNew ? "chats" : encrypts ? "lock" : "unlocked"} /> {w.chat}
      </button>
      {isNew && !asked.waiting && (
        <>
          <p class="quiet">{encrypts ? w.encrypted : canEncrypt.value ? w.plain : w.unable}</p>
          {canEncrypt.value && (
            <button class="plain" disabled={busy.value} onClick={() => start(!encrypts)}>{encrypts ? w.withoutLock : w.withLock}</button>
          )}
        </>
      )}
    </div>
  );
}

function Block({ userId, name }: { userId: string; name: string }) {
  const isBlocked = blocked.value.has(userId);
  const change = async () => {
    const question = { title: w.blockTitle(name), text: w.blockText, yes: w.block, danger: true };
    if (!isBlocked && !(await ask(question))) return;
    await setBlocked(userId, !isBlocked).catch((error: unknown) => tell(inPlainWords(error)));
  };
  return <button class="plain danger" onClick={change}>{isBlocked ? w.unblock : w.block}</button>;
}
