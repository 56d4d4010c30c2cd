/** Every version of a message, the newest first. */

import { matrix } from "../../matrix/client";
import { editsOf } from "../../matrix/timeline/pages";
import type { MessageRow } from "../../matrix/timeline/rows";
import { inPlainWords } from "../../ui/errors";
import { useAnswer } from "../../ui/use-answer";
import { words } from "../../words";
import { plainOf } from "./bodies/text";
import type { Here } from "./here";
import { momentInWords } from "./lines";

const w = words({ loading: ["불러오는 중…", "Loading…"], first: ["처음", "Original"] });

export function Edits({ here: { room }, row }: { here: Here; row: MessageRow }) {
  const edits = useAnswer(row.id!, async () => {
    const events = (await editsOf(matrix(), room, row.id!)).filter((edit) => edit.getSender() === row.sender && !edit.isRedacted());
    await Promise.all(events.map((edit) => matrix().decryptEventIfNeeded(edit)));
    return events;
  });
  if (edits.error) return <p class="error" role="alert">{inPlainWords(edits.error)}</p>;
  if (!edits.value) return <p class="quiet" role="status">{w.loading}</p>;
  return (
    <ol class="versions">
      {edits.value.map((edit) => <Version key={edit.getId()} at={momentInWords(edit.getTs())} text={plainOf(edit.getContent()["m.new_content"] ?? {})} />)}
      <Version at={`${momentInWords(row.at)} · ${w.first}`} text={plainOf(row.event?.getOriginalContent() ?? {})} />
    </ol>
  );
}

function Version({ at, text }: { at: string; text: string }) {
  return (
    <li>
      <time class="quiet">{at}</time>
      <p dir="auto">{text}</p>
    </li>
  );
}
