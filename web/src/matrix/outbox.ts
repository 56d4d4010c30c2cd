/** What was written and is not yet acknowledged: kept in the browser, sent in order, never doubled. */

import type { IContent } from "matrix-js-sdk";

import { matrix } from "./client";

export interface Draft {
  roomId: string;
  type: string; // of the event, "m.room.message" mostly
  content: IContent;
  threadId?: string; // of the thread's root, when it goes into one
}

/** Put into the outbox; it goes out by itself as soon as a site answers, in the order of a room's sends. */
export async function send(draft: Draft): Promise<void> {
  await matrix().sendEvent(draft.roomId, draft.threadId ?? null, draft.type as never, draft.content as never);
}
