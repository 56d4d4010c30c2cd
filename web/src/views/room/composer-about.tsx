/** Above the text: the message that is being answered or edited, and the way out of it. */

import { matrix } from "../../matrix/client";
import { nameIn } from "../../matrix/happened";
import { inWords } from "../../matrix/last-line";
import { findEvent } from "../../matrix/timeline";
import { Icon } from "../../ui/icon";
import { words } from "../../words";
import { compose, composing } from "./composing";

const w = words({
  reply: [(name: string) => `${name}님에게 답장`, (name: string) => `Reply to ${name}`],
  edit: ["메시지 고치기", "Edit message"],
  stop: ["그만두기", "Cancel"],
});

export function ComposerAbout({ roomId, composer }: { roomId: string; composer: string }) {
  const { replyTo, editing } = composing.value.get(composer) ?? {};
  const eventId = editing ?? replyTo;
  if (!eventId) return null;
  const room = matrix().getRoom(roomId);
  const event = findEvent(roomId, eventId);
  const sender = event?.getSender() ?? "";
  return (
    <div class="about">
      <Icon name={editing ? "edit" : "reply"} />
      <p>
        <strong>{editing ? w.edit : w.reply(nameIn(room, sender))}</strong>
        <span class="quiet line" dir="auto">{event && inWords(event)}</span>
      </p>
      <button type="button" class="plain square" aria-label={w.stop} title={w.stop} onClick={() => compose(composer, {})}>
        <Icon name="close" />
      </button>
    </div>
  );
}
