/** Whose eyes and whose reactions: the people behind the numbers at a message. */

import { nameIn } from "../../matrix/happened";
import { mxcOf } from "../../matrix/member-picture";
import type { MessageRow } from "../../matrix/timeline/rows";
import { Avatar } from "../../ui/avatar";
import { words } from "../../words";
import type { Here } from "./here";

const SHOWN_MAX = 200;

const w = words({
  read: [(n: number) => `읽음 ${n}`, (n: number) => `Read by ${n}`],
  unread: [(n: number) => `안 읽음 ${n}`, (n: number) => `Not read by ${n}`],
  more: [(n: number) => `외 ${n}명`, (n: number) => `and ${n} more`],
});

export function ReadBy({ here, row }: { here: Here; row: MessageRow }) {
  const { read, unread } = here.timeline.readersOf(row.id!);
  return (
    <>
      <h3>{w.read(read.length)}</h3>
      <People here={here} ids={read} />
      <h3>{w.unread(unread.length)}</h3>
      <People here={here} ids={unread} />
    </>
  );
}

export function Reacted({ here, row }: { here: Here; row: MessageRow }) {
  const now = here.timeline.rows.value.find((each) => each.key === row.key);
  const reactions = now?.kind === "message" ? now.reactions : row.reactions;
  return (
    <>
      {reactions.map(({ key, senders }) => (
        <section key={key}>
          <h3><bdi>{key}</bdi> {senders.length}</h3>
          <People here={here} ids={senders} />
        </section>
      ))}
    </>
  );
}

function People({ here: { room }, ids }: { here: Here; ids: string[] }) {
  return (
    <ul class="people-list">
      {ids.slice(0, SHOWN_MAX).map((id) => (
        <li key={id}><Avatar name={nameIn(room, id)} id={id} mxc={mxcOf(room, id)} /> <bdi>{nameIn(room, id)}</bdi></li>
      ))}
      {ids.length > SHOWN_MAX && <li class="quiet">{w.more(ids.length - SHOWN_MAX)}</li>}
    </ul>
  );
}
