/** What one may do with a message, and doing it: the same for the menu, the buttons at it and the keyboard. */

import { EventType } from "matrix-js-sdk";

import { matrix } from "../../matrix/client";
import type { MessageRow } from "../../matrix/timeline/rows";
import { address, go } from "../../router";
import { inPlainWords } from "../../ui/errors";
import { ask, tell } from "../../ui/question";
import { words } from "../../words";
import { plainOf } from "./bodies/text";
import { compose, composerKey } from "./composing";
import { about, type Here } from "./here";
import { sendOrTell } from "./send-or-tell";

export type Action =
  | "reply" | "thread" | "edit" | "copy" | "link" | "forward" | "pin" | "unpin" | "readers" | "history" | "report" | "delete";

const w = words({
  deleteTitle: ["메시지를 삭제할까요?", "Delete this message?"],
  deleteText: ["모두에게서 사라지며 되돌릴 수 없습니다.", "It disappears for everybody and cannot be brought back."],
  delete: ["삭제", "Delete"],
  copied: ["복사했습니다", "Copied"],
  notCopied: ["복사하지 못했습니다", "It could not be copied"],
});

const PINNED_MAX = 100;

export function actionsOf({ room, thread }: Here, row: MessageRow): Action[] {
  if (!row.id || !row.event) return [];
  const state = room.currentState;
  const me = matrix().getSafeUserId();
  const said = row.body !== "redacted" && row.body !== "undecryptable" && row.body !== "decrypting";
  const writes = state.maySendEvent(EventType.RoomMessage, me);
  const words = row.body === "text" || row.body === "notice" || row.body === "emote";
  const pins = said && state.maySendStateEvent(EventType.RoomPinnedEvents, me);
  const may: [Action, boolean][] = [
    ["reply", said && writes],
    ["thread", said && writes && !thread],
    ["edit", said && writes && row.mine && words],
    ["copy", said && words],
    ["link", true],
    ["forward", said],
    ["pin", pins && !pinnedIn({ room }).includes(row.id)],
    ["unpin", pins && pinnedIn({ room }).includes(row.id)],
    ["readers", said],
    ["history", said && row.edited],
    ["report", !row.mine && row.body !== "redacted"],
    ["delete", row.body !== "redacted" && state.maySendRedactionForEvent(row.event, me)],
  ];
  return may.filter(([, allowed]) => allowed).map(([action]) => action);
}

export async function act(action: Action, here: Here, row: MessageRow): Promise<void> {
  const { room, thread } = here;
  const key = composerKey(room.roomId, thread);
  switch (action) {
    case "reply":
      return compose(key, { replyTo: row.id });
    case "edit":
      return compose(key, { editing: row.id });
    case "thread":
      return go({ view: "room", roomId: room.roomId, thread: row.id });
    case "copy":
      return copy(plainOf(row.content));
    case "link":
      return copy(location.origin + location.pathname + address({ view: "room", roomId: room.roomId, eventId: row.id }));
    case "pin":
    case "unpin":
      return pin(here, row.id!, action === "pin");
    case "delete":
      return remove(here, row);
    default:
      about.value = { here, row, what: action };
  }
}

/** Event ids, the newest pin last. */
export function pinnedIn({ room }: Pick<Here, "room">): string[] {
  const pinned: unknown = room.currentState.getStateEvents(EventType.RoomPinnedEvents, "")?.getContent().pinned;
  return Array.isArray(pinned) ? pinned.filter((id): id is string => typeof id === "string").slice(-PINNED_MAX) : [];
}

async function pin(here: Here, id: string, pinned: boolean): Promise<void> {
  const kept = pinnedIn(here).filter((each) => each !== id);
  const content = { pinned: pinned ? [...kept, id].slice(-PINNED_MAX) : kept };
  try {
    await matrix().sendStateEvent(here.room.roomId, EventType.RoomPinnedEvents, content, "");
  } catch (error) {
    tell(inPlainWords(error));
  }
}

async function remove({ room }: Here, row: MessageRow): Promise<void> {
  if (!(await ask({ title: w.deleteTitle, text: w.deleteText, yes: w.delete, danger: true }))) return;
  await sendOrTell({ roomId: room.roomId, type: "m.room.redaction", redacts: row.id, content: {} });
}

async function copy(text: string): Promise<void> {
  await navigator.clipboard.writeText(text).then(() => tell(w.copied), () => tell(w.notCopied));
}
