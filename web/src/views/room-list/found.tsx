/** What a search found: rooms by name at once, people and messages when the server has answered. */

import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";

import { matrix } from "../../matrix/client";
import { nameIn } from "../../matrix/happened";
import { friends, type Person, searchPeople } from "../../matrix/people";
import { rooms, rowsById } from "../../matrix/rooms";
import { type Hit, matches, searchHere, searchMessages } from "../../matrix/search";
import { address, go } from "../../router";
import { Avatar } from "../../ui/avatar";
import { inPlainWords } from "../../ui/errors";
import { Highlighted } from "../../ui/highlighted";
import { useAnswer } from "../../ui/use-answer";
import { useSettled } from "../../ui/use-settled";
import { shortWhen } from "../../ui/when";
import { words } from "../../words";
import { showPerson } from "../person-card";

const ROOMS_SHOWN = 20;
const TERM_LETTERS_MIN = 2; // of a message search: one letter is in everything
const TERM_LETTERS_MAX = 255; // what the server takes

const w = words({
  rooms: ["대화", "Chats"],
  people: ["사람", "People"],
  messages: ["메시지", "Messages"],
  none: ["없습니다", "None"],
  looking: ["찾는 중…", "Searching…"],
  longer: ["두 글자부터 찾습니다.", "Type two letters or more."],
  more: ["더 보기", "Show more"],
  encrypted: [
    "암호화된 대화에서는 이 기기에 있는 최근 메시지만 찾습니다.",
    "In encrypted chats only the latest messages, those on this device, are searched.",
  ],
});

export function Found({ term, onLeave }: { term: string; onLeave(): void }) {
  const settled = useSettled(term).slice(0, TERM_LETTERS_MAX);
  const found = rooms.value.filter(({ name }) => matches(name, term)).slice(0, ROOMS_SHOWN);
  const arrows = (event: KeyboardEvent & { currentTarget: HTMLElement }) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (event.key === "Escape") onLeave();
    if (!step) return;
    event.preventDefault();
    const all = [...event.currentTarget.querySelectorAll<HTMLElement>(".opens")];
    all[all.indexOf(document.activeElement as HTMLElement) + step]?.focus();
  };
  return (
    <div class="found" onKeyDown={arrows}>
      {found.length > 0 && <Section title={w.rooms}>
        {found.map((row) => (
          <li key={row.id}>
            <a class="opens" href={address({ view: "room", roomId: row.id })} onClick={onLeave}>
              <Avatar name={row.name} id={row.direct || row.id} mxc={row.avatar} />
              <span class="lines">
                <span class="name" dir="auto"><Highlighted text={row.name} terms={[term]} /></span>
              </span>
            </a>
          </li>
        ))}
      </Section>}
      <People term={settled} />
      <Messages term={settled} />
    </div>
  );
}

function People({ term }: { term: string }) {
  const { value, error, waiting } = useAnswer(term, () => searchPeople(term));
  const near = friends.value.filter(({ name }) => matches(name, term));
  const others = (value ?? []).filter(({ userId }) => !near.some((each) => each.userId === userId));
  const people: Person[] = [...near, ...others];
  if (!people.length && !waiting && !error) return null;
  return (
    <Section title={w.people}>
      {people.map((person) => (
        <li key={person.userId}>
          <button class="plain opens" onClick={() => showPerson(person.userId)}>
            <Avatar name={person.name} id={person.userId} mxc={person.avatar} />
            <span class="lines">
              <span class="name" dir="auto"><Highlighted text={person.name} terms={[term]} /></span>
              <span class="quiet line">{person.userId}</span>
            </span>
          </button>
        </li>
      ))}
      <Said waiting={waiting} error={error} none={!people.length} />
    </Section>
  );
}

/** In all rooms, or in one: what the server finds, and before it what only this device can. */
export function Messages({ term, roomId }: { term: string; roomId?: string }) {
  const isLong = [...term].length >= TERM_LETTERS_MIN;
  const hasEncrypted = rooms.value.some(({ id, encrypted }) => encrypted && (!roomId || id === roomId));
  const asksServer = isLong && !(roomId && hasEncrypted);
  const { value, error, waiting, set } = useAnswer(asksServer ? term : null, () => searchMessages(term, roomId));
  const here = useMemo(() => (isLong && hasEncrypted ? searchHere(term, roomId) : []), [term, roomId, isLong, hasEncrypted]);
  const more = value?.more;
  const none = !value?.hits.length && !here.length;
  return (
    <Section title={w.messages}>
      {here.map((hit) => <HitRow key={hit.eventId} hit={hit} terms={[term]} />)}
      {value?.hits.map((hit) => <HitRow key={hit.eventId} hit={hit} terms={value.words} />)}
      {more && (
        <li>
          <button class="plain" onClick={() => more().then(set, () => undefined)}>{w.more}</button>
        </li>
      )}
      {isLong ? <Said waiting={waiting} error={error} none={none} /> : <li class="quiet none">{w.longer}</li>}
      {hasEncrypted && <li class="quiet none">{w.encrypted}</li>}
    </Section>
  );
}

function HitRow({ hit, terms }: { hit: Hit; terms: string[] }) {
  const room = rowsById.value.get(hit.roomId);
  const who = nameIn(matrix().getRoom(hit.roomId), hit.sender);
  const to = { view: "room", roomId: hit.roomId, eventId: hit.eventId } as const;
  const jump = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    go(to);
  };
  return (
    <li>
      <a class="opens" href={address(to)} onClick={jump}>
        <span class="lines">
          <span class="first">
            <span class="name" dir="auto">{who}</span>
            <span class="quiet line" dir="auto">{room?.name}</span>
            <time class="quiet when">{shortWhen(hit.at)}</time>
          </span>
          <span class="said" dir="auto"><Highlighted text={hit.body} terms={terms} around /></span>
        </span>
      </a>
    </li>
  );
}

function Said({ waiting, error, none }: { waiting: boolean; error: unknown; none: boolean }) {
  if (error) return <li class="error none"><span role="alert">{inPlainWords(error)}</span></li>;
  return none ? <li class="quiet none"><span role="status">{waiting ? w.looking : w.none}</span></li> : null;
}

function Section({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      <ul>{children}</ul>
    </section>
  );
}
