/** Sending what has no place of its own to say that it could not be sent: reactions, deletions, forwarded messages. */

import { type Draft, OutboxFull, send } from "../../matrix/outbox";
import { inPlainWords } from "../../ui/errors";
import { tell } from "../../ui/question";
import { words } from "../../words";

const w = words({
  full: [
    "보내지 못한 메시지가 너무 많습니다. 먼저 다시 보내거나 지워 주세요.",
    "Too many messages are waiting to be sent. Send or delete some of them first.",
  ],
});

/** Whether it is in the outbox now. */
export async function sendOrTell(draft: Draft): Promise<boolean> {
  try {
    await send(draft);
    return true;
  } catch (error) {
    tell(error instanceof OutboxFull ? w.full : inPlainWords(error));
    return false;
  }
}
