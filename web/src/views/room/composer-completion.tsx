/**
 * Names for what is being typed: people after `@`, emoji after `:`, commands after `/`. The text keeps the focus; the
 * list is walked from there with the arrows, taken with Enter or Tab, and put away with Escape.
 */

import { effect, signal } from "@preact/signals";
import { KnownMembership, type Room, type RoomMember } from "matrix-js-sdk";

import { matrix } from "../../matrix/client";
import { type Mention, ROOM } from "../../matrix/mentions";
import { Avatar } from "../../ui/avatar";
import { emojiGroups, usedEmoji } from "../../ui/emoji";
import { language, words } from "../../words";
import { best, type Query } from "./completion";
import { COMMANDS } from "./composer-content";
import type { Field } from "./composer-field";

const SHOWN_MAX = 8;

const w = words({
  title: ["제안", "Suggestions"],
  room: ["이 방의 모두에게 알리기", "Notify everyone in this room"],
  me: ["무엇을 하는지 말하기", "Say what you are doing"],
  shrug: ["¯\\_(ツ)_/¯ 붙이기", "Add ¯\\_(ツ)_/¯"],
  plain: ["서식 없이 보내기", "Send without formatting"],
});

export interface Choice {
  id: string;
  sign: string; // an emoji, or "" for a person's picture
  name: string;
  more: string;
  text: string; // what takes the query's place
  mention?: Mention;
}

/** The choices for the query at the caret, and which of them is meant. */
export class Completion {
  readonly choices = signal<readonly Choice[]>([]);
  readonly at = signal(0);
  private readonly stop: () => void;
  private query: Query | null = null;
  private members?: Promise<void>;
  private closedAt = -1; // where a query was put away by Escape: it stays away until its sign is another

  constructor(readonly id: string, private readonly roomId: string, private readonly field: Field) {
    this.stop = effect(() => this.follow(field.query.value));
  }

  close(): void {
    this.stop();
  }

  /** Whether the key was one for the list. */
  key(event: KeyboardEvent): boolean {
    const { length } = this.choices.peek();
    if (!length) return false;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      this.at.value = (this.at.peek() + (event.key === "ArrowDown" ? 1 : length - 1)) % length;
    } else if ((event.key === "Enter" && !event.shiftKey) || event.key === "Tab") {
      this.take(this.choices.peek()[this.at.peek()]!);
    } else if (event.key === "Escape") {
      this.closedAt = this.query?.from ?? -1;
      this.choices.value = [];
    } else return false;
    return true;
  }

  take({ text, mention, sign }: Choice): void {
    if (!this.query) return;
    const { from, to, kind } = this.query;
    if (kind === "emoji") usedEmoji(sign);
    this.field.replace(from, to, `${text} `, mention);
  }

  private follow(query: Query | null): void {
    this.query = query;
    this.at.value = 0;
    if (query?.from !== this.closedAt) this.closedAt = -1;
    if (!query || query.from === this.closedAt) return void (this.choices.value = []);
    if (query.kind === "emoji") return void this.followEmoji(query);
    const room = matrix().getRoom(this.roomId);
    this.choices.value = query.kind === "command" ? commands(query.text) : room ? people(room, query.text) : [];
    if (query.kind === "mention" && room) this.loadMembers(room);
  }

  /** Sync brings those who speak; all of them come when first somebody is to be named. */
  private loadMembers(room: Room): void {
    this.members ??= room.loadMembersIfNeeded().then(
      () => this.follow(this.query),
      () => void (this.members = undefined),
    );
  }

  private async followEmoji(query: Query): Promise<void> {
    const spoken = language.peek();
    const groups = await emojiGroups(spoken).catch(() => []);
    if (this.query !== query) return; // typed on meanwhile
    const found = best(groups.flatMap(({ emoji }) => emoji), ({ names }) => names, query.text, SHOWN_MAX);
    this.choices.value = found.map(({ sign, names, label }) => ({ id: sign, sign, name: label, more: `:${names[0]}:`, text: sign }));
  }
}

function commands(query: string): Choice[] {
  return COMMANDS.filter((name) => name.startsWith(query)).map((name) => ({
    id: name, sign: "/", name: `/${name}`, more: w[name], text: `/${name}`,
  }));
}

function people(room: Room, query: string): Choice[] {
  const me = room.client.getSafeUserId();
  const members = room.getMembersWithMembership(KnownMembership.Join).filter(({ userId }) => userId !== me);
  const found = best(members, namesOf, query, SHOWN_MAX).map(({ userId, name, rawDisplayName }): Choice => {
    const called = rawDisplayName || name;
    return { id: userId, sign: "", name: called, more: userId, text: `@${called}`, mention: { userId, name: called } };
  });
  if (!"room".startsWith(query.toLowerCase())) return found;
  const mayCall = room.currentState.getStateEvents("m.room.power_levels", "")?.getContent().notifications?.room ?? 50;
  if ((room.getMember(me)?.powerLevel ?? 0) < mayCall) return found;
  return [...found, { id: ROOM, sign: "@", name: "@room", more: w.room, text: "@room", mention: { userId: ROOM, name: "room" } }];
}

function namesOf({ userId, rawDisplayName }: RoomMember): string[] {
  return [rawDisplayName, userId.slice(1)];
}

export function CompletionList({ completion }: { completion: Completion }) {
  const choices = completion.choices.value;
  if (!choices.length) return null;
  return (
    <ul class="completion" role="listbox" id={completion.id} aria-label={w.title}>
      {choices.map((choice, index) => (
        <li
          key={choice.id}
          id={`${completion.id}-${index}`}
          role="option"
          aria-selected={index === completion.at.value}
          onPointerDown={(event) => event.preventDefault() /* the text keeps the focus */}
          onClick={() => completion.take(choice)}
        >
          {choice.sign ? <span class="sign" aria-hidden="true">{choice.sign}</span> : <Avatar name={choice.name} id={choice.id} />}
          <bdi class="line">{choice.name}</bdi>
          <span class="quiet line">{choice.more}</span>
        </li>
      ))}
    </ul>
  );
}

/** Tells screen readers which choice is meant, without drawing the text anew. */
export function announce(completion: Completion, field: Field): () => void {
  return effect(() => field.point(completion.choices.value.length ? `${completion.id}-${completion.at.value}` : null));
}
