/** Choose several people: friends first, others by name or id. Whom one cannot choose is not shown (`without`). */

import { type Signal, useSignal } from "@preact/signals";

import { blocked, friends, type Person, searchPeople } from "../matrix/people";
import { matches } from "../matrix/search";
import { Avatar } from "../ui/avatar";
import { inPlainWords } from "../ui/errors";
import { Icon } from "../ui/icon";
import { useAnswer } from "../ui/use-answer";
import { useSettled } from "../ui/use-settled";
import { words } from "../words";
import "./people-picker.css";

const FRIENDS_SHOWN = 50;

const w = words({
  find: ["이름이나 아이디로 찾기", "Find by name or id"],
  chosen: ["고른 사람", "Chosen"],
  take: [(who: string) => `${who} 빼기`, (who: string) => `Remove ${who}`],
  people: ["사람", "People"],
  none: ["찾는 사람이 없습니다. 정확한 아이디를 적으면 찾을 수 있습니다.", "Nobody found. An exact id is always found."],
  looking: ["찾는 중…", "Searching…"],
});

interface Shown {
  chosen: Signal<Person[]>;
  without?: (userId: string) => boolean;
}

export function PeoplePicker({ chosen, without = () => false }: Shown) {
  const term = useSignal("");
  const settled = useSettled(term.value.trim());
  const { value, error, waiting } = useAnswer(settled || null, () => searchPeople(settled));
  const near = friends.value.filter(({ name }) => !term.value.trim() || matches(name, term.value));
  const far = settled && term.value.trim() ? (value ?? []) : [];
  const known = new Set(near.map(({ userId }) => userId));
  const all = [...near.slice(0, FRIENDS_SHOWN), ...far.filter(({ userId }) => !known.has(userId))];
  const offered = all.filter(({ userId }) => !without(userId) && !blocked.value.has(userId));
  const isChosen = (userId: string) => chosen.value.some((each) => each.userId === userId);
  const toggle = (person: Person) => {
    chosen.value = isChosen(person.userId)
      ? chosen.value.filter(({ userId }) => userId !== person.userId)
      : [...chosen.value, person];
  };
  return (
    <div class="people-picker">
      {chosen.value.length > 0 && (
        <ul class="chips" aria-label={w.chosen}>
          {chosen.value.map((person) => (
            <li key={person.userId}>
              <button type="button" aria-label={w.take(person.name)} onClick={() => toggle(person)}>
                <span dir="auto">{person.name}</span> <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      )}
      <input
        type="search"
        aria-label={w.find}
        placeholder={w.find}
        value={term.value}
        autocapitalize="none"
        spellcheck={false}
        onInput={(event) => (term.value = event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Enter" && event.preventDefault()} // not the form's
      />
      <ul class="people" aria-label={w.people}>
        {offered.map((person) => (
          <li key={person.userId}>
            <label>
              <input type="checkbox" checked={isChosen(person.userId)} onChange={() => toggle(person)} />
              <Avatar name={person.name} id={person.userId} mxc={person.avatar} />
              <span class="lines">
                <span class="name" dir="auto">{person.name}</span>
                <span class="quiet line">{person.userId}</span>
              </span>
            </label>
          </li>
        ))}
      </ul>
      <p class="quiet" role="status">
        {error ? inPlainWords(error) : waiting ? w.looking : settled && !offered.length ? w.none : ""}
      </p>
    </div>
  );
}
