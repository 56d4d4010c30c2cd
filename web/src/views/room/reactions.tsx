/** The reactions at a message: what, how many, whose; a press adds one's own or takes it back. */

import { nameIn } from "../../matrix/happened";
import type { Reaction } from "../../matrix/timeline/relations";
import type { MessageRow } from "../../matrix/timeline/rows";
import { words } from "../../words";
import { about, type Here, useHere } from "./here";
import { sendOrTell } from "./send-or-tell";

const NAMED_MAX = 8; // people named at a reaction; the rest are counted

const w = words({
  label: [(key: string, who: string) => `${key} 반응: ${who}`, (key: string, who: string) => `${key} by ${who}`],
  more: [(who: string, n: number) => `${who} 외 ${n}명`, (who: string, n: number) => `${who} and ${n} more`],
  who: ["반응한 사람 보기", "Show who reacted"],
});

export function Reactions({ row }: { row: MessageRow }) {
  const here = useHere();
  return (
    <div class="reactions">
      {row.reactions.map((reaction) => (
        <button
          key={reaction.key}
          class="reaction"
          aria-pressed={Boolean(reaction.mine)}
          aria-label={w.label(reaction.key, who(here, reaction))}
          title={who(here, reaction)}
          onClick={() => void react(here, row, reaction.key)}
        >
          <span class="sign"><bdi>{reaction.key}</bdi></span>
          <span>{reaction.senders.length}</span>
        </button>
      ))}
      <button class="plain who-reacted" aria-label={w.who} title={w.who} onClick={() => (about.value = { here, row, what: "reactions" })}>⋯</button>
    </div>
  );
}

/** Add one's reaction, or take it back. One that is on its way already is not given twice. */
export async function react({ room }: Here, row: MessageRow, key: string): Promise<void> {
  if (!row.id) return;
  const mine = row.reactions.find((reaction) => reaction.key === key)?.mine;
  if (mine === undefined) {
    const content = { "m.relates_to": { rel_type: "m.annotation", event_id: row.id, key } };
    await sendOrTell({ roomId: room.roomId, type: "m.reaction", content });
  } else if (mine.startsWith("$")) {
    await sendOrTell({ roomId: room.roomId, type: "m.room.redaction", redacts: mine, content: {} });
  }
}

function who({ room }: Here, { senders }: Reaction): string {
  const named = senders.slice(0, NAMED_MAX).map((id) => nameIn(room, id)).join(", ");
  return senders.length > NAMED_MAX ? w.more(named, senders.length - NAMED_MAX) : named;
}
