/** Who is writing in a room. Seen, not read aloud: it would never stop. */

import { matrix } from "../../matrix/client";
import { typing } from "../../matrix/typing";
import { words } from "../../words";

const NAMED_MAX = 2;

const w = words({
  one: [(name: string) => `${name}님이 입력 중`, (name: string) => `${name} is typing`],
  two: [(a: string, b: string) => `${a}님, ${b}님이 입력 중`, (a: string, b: string) => `${a} and ${b} are typing`],
  many: [(n: number) => `${n}명이 입력 중`, (n: number) => `${n} people are typing`],
});

export function TypingLine({ roomId }: { roomId: string }) {
  const ids = typing.value.get(roomId) ?? [];
  const room = matrix().getRoom(roomId);
  const names = ids.map((id) => room?.getMember(id)?.name ?? id);
  const text = names.length > NAMED_MAX ? w.many(names.length) : names.length === 2 ? w.two(names[0]!, names[1]!) : w.one(names[0] ?? "");
  return (
    <p class="typing-line" data-on={names.length > 0 || undefined}>
      {names.length > 0 && <><span class="dots" aria-hidden="true"><i /><i /><i /></span><bdi>{text}</bdi></>}
    </p>
  );
}
