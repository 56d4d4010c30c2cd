/**
 * A new group: its picture, its name, its people, who may come in, encrypted or not. Without a name it is called by its
 * people; with one of them and nothing else, it is the direct chat with them.
 */

import { useSignal } from "@preact/signals";

import { canEncrypt, isEncryptedBehind } from "../matrix/crypto-defaults";
import { createGroup, type Door, NAME_CHARACTERS_MAX, PEOPLE_INVITED_MAX, uploadPicture } from "../matrix/groups";
import { type Person, startDirect } from "../matrix/people";
import { go } from "../router";
import { inPlainWords } from "../ui/errors";
import { Icon } from "../ui/icon";
import { PictureField } from "../ui/picture-field";
import { words } from "../words";
import { PeoplePicker } from "./people-picker";
import "./new-group.css";

const w = words({
  title: ["새 대화방", "New group"],
  back: ["대화 목록으로", "Back to the chats"],
  name: ["대화방 이름", "Name of the group"],
  namePlaceholder: ["예: 주말 등산", "Such as: Weekend hikes"],
  people: ["함께할 사람", "People"],
  door: ["누가 들어올 수 있나요?", "Who may come in?"],
  invite: ["초대받은 사람만", "Invited people only"],
  knock: ["주소를 받은 사람이 요청하면 허락", "Whoever has the address may ask"],
  public: ["주소를 받은 누구나", "Whoever has the address"],
  encrypted: ["종단간 암호화", "End-to-end encryption"],
  encryptedHint: [
    "참여자의 기기에서만 읽을 수 있습니다. 서버에서 메시지를 찾을 수 없고, 나중에 끌 수 없습니다.",
    "Only the devices of those in it can read it. The server cannot search it, and it cannot be turned off later.",
  ],
  publicHint: [
    "누구나 들어오는 방은 새로 온 사람이 지난 대화를 읽을 수 있게 암호화하지 않는 것이 보통입니다. 서버를 운영하는 사람이 읽을 수 있습니다.",
    "A room that anybody may come into is usually not encrypted, so that newcomers can read what was said. Whoever runs the server can read it.",
  ],
  plainHint: [
    "암호화하지 않습니다. 서버를 운영하는 사람이 읽을 수 있습니다.",
    "Not encrypted: whoever runs the server can read it.",
  ],
  unable: [
    "이 브라우저는 암호화할 수 없어 암호화하지 않습니다. 서버를 운영하는 사람이 읽을 수 있습니다.",
    "This browser cannot encrypt, so the group is not encrypted: whoever runs the server can read it.",
  ],
  make: ["만들기", "Create"],
  making: ["만드는 중…", "Creating…"],
  needSome: ["대화방 이름을 적거나 함께할 사람을 골라 주세요.", "Please give the group a name, or choose people."],
  tooMany: [(n: number) => `한 번에 ${n}명까지 초대할 수 있습니다.`, (n: number) => `Up to ${n} people can be invited at once.`],
});

const DOORS: Door[] = ["invite", "knock", "public"];

export function NewGroup() {
  const name = useSignal("");
  const people = useSignal<Person[]>([]);
  const door = useSignal<Door>("invite");
  const chosen = useSignal<boolean | null>(null); // by the person; null until they touch it
  const encrypted = canEncrypt.value && (chosen.value ?? isEncryptedBehind(door.value));
  const picture = useSignal<File | null>(null);
  const busy = useSignal(false);
  const wrong = useSignal("");

  const make = async (event: SubmitEvent) => {
    event.preventDefault();
    const called = name.value.trim();
    wrong.value = !called && !people.value.length ? w.needSome : people.value.length > PEOPLE_INVITED_MAX ? w.tooMany(PEOPLE_INVITED_MAX) : "";
    if (wrong.value || busy.value) return;
    busy.value = true;
    try {
      const [only, ...more] = people.value;
      const isDirect = only && !more.length && !called && !picture.value && door.value === "invite";
      const roomId = isDirect ? await startDirect(only.userId, encrypted) : await createGroup({
        name: called,
        people: people.value.map(({ userId }) => userId),
        door: door.value,
        encrypted,
        ...(picture.value ? { avatar: await uploadPicture(picture.value) } : {}),
      });
      go({ view: "room", roomId }, { replace: true });
    } catch (error) {
      wrong.value = inPlainWords(error); // all that was filled in is still there
    } finally {
      busy.value = false;
    }
  };

  return (
    <form class="new-group column" onSubmit={make} noValidate>
      <header class="head">
        <button type="button" class="plain back" aria-label={w.back} title={w.back} onClick={() => go({ view: "rooms" })}><Icon name="back" /></button>
        <h1>{w.title}</h1>
      </header>
      <PictureField chosen={picture}>
        <span class="avatar large" data-hue="0" aria-hidden="true"><Icon name="people" /></span>
      </PictureField>
      <label for="group-name">{w.name}</label>
      <input
        id="group-name"
        value={name.value}
        placeholder={people.value.map((person) => person.name).join(", ") || w.namePlaceholder}
        maxLength={NAME_CHARACTERS_MAX}
        dir="auto"
        onInput={(event) => (name.value = event.currentTarget.value)}
      />
      <h2>{w.people}</h2>
      <PeoplePicker chosen={people} />
      <fieldset>
        <legend>{w.door}</legend>
        {DOORS.map((each) => (
          <label key={each} class="choice">
            <input type="radio" name="door" checked={door.value === each} onChange={() => (door.value = each)} />
            {w[each as "invite" | "knock" | "public"]}
          </label>
        ))}
      </fieldset>
      <label class="choice">
        <input
          type="checkbox"
          checked={encrypted}
          disabled={!canEncrypt.value}
          onChange={(event) => (chosen.value = event.currentTarget.checked)}
        />
        <span>
          {w.encrypted}
          <span class="quiet small">{hint(encrypted, door.value)}</span>
        </span>
      </label>
      {wrong.value && <p class="error" role="alert">{wrong.value}</p>}
      <button class="primary" disabled={busy.value}>{busy.value ? w.making : w.make}</button>
    </form>
  );
}

function hint(encrypted: boolean, door: Door): string {
  if (encrypted) return w.encryptedHint;
  if (!canEncrypt.value) return w.unable;
  return isEncryptedBehind(door) ? w.plainHint : w.publicHint;
}
