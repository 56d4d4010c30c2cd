/** The quiet lines between messages: a new day, what is new, what happened to the room. */

import { happenedInWords, nameIn } from "../../matrix/happened";
import type { Row, StateRow } from "../../matrix/timeline/rows";
import { language, words } from "../../words";
import { useHere } from "./here";

const w = words({
  unread: ["여기부터 새 메시지", "New messages"],
  renamed: [(before: string, now: string) => `${before}님의 이름이 ${now}(으)로 바뀌었습니다`, (before: string, now: string) => `${before} is now called ${now}`],
  pictured: [(who: string) => `${who}님이 사진을 바꾸었습니다`, (who: string) => `${who} has a new picture`],
  replaced: ["이 대화방은 새 대화방으로 이어집니다", "This room goes on in a new one"],
  pinned: [(who: string) => `${who}님이 고정된 메시지를 바꾸었습니다`, (who: string) => `${who} changed the pinned messages`],
});

const NAME_LENGTH_MAX = 80;

export function LinesBefore({ row }: { row: Row }) {
  return (
    <>
      {row.newDay && <div class="day" role="separator"><time dateTime={new Date(row.at).toISOString().slice(0, 10)}>{dayInWords(row.at)}</time></div>}
      {row.firstUnread && <div class="unread-line" role="separator"><span>{w.unread}</span></div>}
    </>
  );
}

export function StateLine({ row }: { row: StateRow }) {
  const { room } = useHere();
  const { event } = row;
  const text = happenedInWords(event, room) || others(row, nameIn(room, event.getSender() ?? ""));
  if (!text) return null;
  return <p class="state"><bdi>{text}</bdi></p>;
}

function others({ event }: StateRow, who: string): string {
  switch (event.getType()) {
    case "m.room.tombstone":
      return w.replaced;
    case "m.room.pinned_events":
      return w.pinned(who);
    case "m.room.member": {
      const [before, now] = [event.getPrevContent(), event.getContent()];
      if (before.membership !== now.membership) return "";
      if (before.displayname !== now.displayname) return w.renamed(short(before.displayname, who), short(now.displayname, who));
      return before.avatar_url !== now.avatar_url ? w.pictured(who) : "";
    }
    default:
      return "";
  }
}

function short(name: unknown, otherwise: string): string {
  return typeof name === "string" && name ? name.slice(0, NAME_LENGTH_MAX) : otherwise;
}

export function dayInWords(at: number): string {
  const options: Intl.DateTimeFormatOptions = { year: "numeric", month: "long", day: "numeric", weekday: "long" };
  return formatted("day", at, options);
}

export function timeInWords(at: number): string {
  return formatted("time", at, { hour: "numeric", minute: "2-digit" });
}

export function momentInWords(at: number): string {
  return formatted("moment", at, { dateStyle: "medium", timeStyle: "short" });
}

const formats = new Map<string, Intl.DateTimeFormat>(); // costly to make

function formatted(name: string, at: number, options: Intl.DateTimeFormatOptions): string {
  const key = `${name}${language.value}`;
  let format = formats.get(key);
  if (!format) formats.set(key, (format = new Intl.DateTimeFormat(language.value === "ko" ? "ko-KR" : "en-GB", options)));
  return format.format(at);
}
