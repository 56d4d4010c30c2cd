/** Friends and how they are found: by name, by id, by one's own address or code handed to them. */

import { useSignal } from "@preact/signals";

import { matrix, ready } from "../matrix/client";
import { addressOfPerson } from "../matrix/invitations";
import { blocked, friends, type Person, personIn, profile, searchPeople } from "../matrix/people";
import { matches } from "../matrix/search";
import { address, go } from "../router";
import { Avatar } from "../ui/avatar";
import { Dialog } from "../ui/dialog";
import { inPlainWords } from "../ui/errors";
import { Icon } from "../ui/icon";
import { Rows } from "../ui/rows";
import { Share } from "../ui/share";
import { useAnswer } from "../ui/use-answer";
import { useSettled } from "../ui/use-settled";
import { words } from "../words";
import { showPerson } from "./person-card";
import "./people.css";

const w = words({
  title: ["친구", "Friends"],
  find: ["이름이나 아이디로 찾기", "Find by name or id"],
  friends: [(n: number) => `친구 ${n}`, (n: number) => `Friends ${n}`],
  found: ["찾은 사람", "Found"],
  none: [
    "아직 친구가 없습니다. 위에서 아이디를 찾아 말을 걸거나, 내 코드를 보여 주세요.",
    "No friends yet. Find somebody by their id above, or show them your code.",
  ],
  nobody: ["찾는 사람이 없습니다. 정확한 아이디를 적으면 찾을 수 있습니다.", "Nobody found. An exact id is always found."],
  looking: ["찾는 중…", "Searching…"],
  mine: ["내 코드", "My code"],
  mineHint: ["이 코드나 주소를 연 사람은 나와 대화를 시작할 수 있습니다.", "Whoever opens this code or address can start a chat with you."],
  card: [(who: string) => `${who} 프로필`, (who: string) => `Profile of ${who}`],
  blocked: [(n: number) => `차단한 사람 ${n}`, (n: number) => `Blocked ${n}`],
  group: ["새 대화방", "New group"],
});

export function People() {
  const term = useSignal("");
  const showsCode = useSignal(false);
  const wanted = term.value.trim();
  const near = friends.value.filter(({ name, userId }) => !wanted || matches(name, wanted) || userId.includes(wanted));
  return (
    <section class="people-view column">
      <header class="head">
        <h1>{w.title}</h1>
        <button class="plain" onClick={() => go({ view: "new" })}><Icon name="plus" /> {w.group}</button>
      </header>
      <input
        type="search"
        aria-label={w.find}
        placeholder={w.find}
        value={term.value}
        autocapitalize="none"
        spellcheck={false}
        onInput={(event) => (term.value = event.currentTarget.value)}
      />
      {ready.value && !wanted && <Me onCode={() => (showsCode.value = true)} />}
      {wanted && <FoundPeople term={wanted} without={near} />}
      {ready.value && !friends.value.length && !wanted && <p class="quiet nobody">{w.none}</p>}
      {near.length > 0 && (
        <>
          <h2>{w.friends(near.length)}</h2>
          <Rows label={w.title} rows={near.map((friend) => ({ ...friend, id: friend.userId }))}>
            {(friend, tabIndex) => (
              <div class="room-row">
                <a class="opens" href={address({ view: "room", roomId: friend.roomId })} tabIndex={tabIndex}>
                  <Face person={friend} />
                </a>
                <button class="plain card" tabIndex={tabIndex} aria-label={w.card(friend.name)} onClick={() => showPerson(friend.userId)}>
                  <Icon name="more" />
                </button>
              </div>
            )}
          </Rows>
        </>
      )}
      <Blocked />
      {showsCode.value && <MyCode onClose={() => (showsCode.value = false)} />}
    </section>
  );
}

function FoundPeople({ term, without }: { term: string; without: readonly Person[] }) {
  const settled = useSettled(term);
  const { value, error, waiting } = useAnswer(settled, () => searchPeople(settled));
  const known = new Set(without.map(({ userId }) => userId));
  const found = (value ?? []).filter(({ userId }) => !known.has(userId));
  return (
    <>
      {found.length > 0 && <h2>{w.found}</h2>}
      <ul class="plain-list">
        {found.map((person) => (
          <li key={person.userId}>
            <button class="plain opens" onClick={() => showPerson(person.userId)}><Face person={person} withId /></button>
          </li>
        ))}
      </ul>
      <p class="quiet hint" role="status">
        {error ? inPlainWords(error) : waiting && !value ? w.looking : !found.length && !without.length ? w.nobody : ""}
      </p>
    </>
  );
}

function Blocked() {
  const all = [...blocked.value];
  if (!all.length) return null;
  return (
    <details class="blocked">
      <summary>{w.blocked(all.length)}</summary>
      <ul class="plain-list">
        {all.map((userId) => (
          <li key={userId}>
            <button class="plain opens" onClick={() => showPerson(userId)}><Face person={personIn(null, userId)} withId /></button>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Face({ person, withId }: { person: Person; withId?: boolean }) {
  return (
    <>
      <Avatar name={person.name} id={person.userId} mxc={person.avatar} />
      <span class="lines">
        <span class="name" dir="auto">{person.name}</span>
        {withId && <span class="quiet line">{person.userId}</span>}
      </span>
    </>
  );
}

/** Oneself, as others find one. */
function Me({ onCode }: { onCode(): void }) {
  const me = matrix().getUserId()!;
  const { value } = useAnswer(me, () => profile(me));
  const known = personIn(null, me);
  return (
    <div class="me">
      <button class="plain opens" onClick={() => go({ view: "settings", part: "profile" })}>
        <Face person={value ?? known} withId />
      </button>
      <button onClick={onCode}><Icon name="link" /> {w.mine}</button>
    </div>
  );
}

function MyCode({ onClose }: { onClose(): void }) {
  const me = matrix().getUserId()!;
  const { value } = useAnswer(me, () => profile(me));
  const name = value?.name ?? personIn(null, me).name;
  return (
    <Dialog title={w.mine} onClose={onClose}>
      <p class="quiet">{w.mineHint}</p>
      <Share address={addressOfPerson(me)} title={name} code={w.mine} />
      <p class="quiet my-id">{me}</p>
    </Dialog>
  );
}
