/** The newest pinned message, in a line below the head; a press jumps to it, the next press to the one before. */

import { useSignal } from "@preact/signals";
import { type MatrixEvent, type Room } from "matrix-js-sdk";
import { useEffect } from "preact/hooks";

import { matrix } from "../../matrix/client";
import { nameIn } from "../../matrix/happened";
import { inWords } from "../../matrix/last-line";
import { findEvent } from "../../matrix/timeline";
import { rootEvent } from "../../matrix/timeline/pages";
import { go } from "../../router";
import { Icon } from "../../ui/icon";
import { words } from "../../words";
import { pinnedIn } from "./message-actions";

const w = words({ pinned: [(n: number, of: number) => `고정된 메시지 ${n}/${of}`, (n: number, of: number) => `Pinned message ${n} of ${of}`] });

export function Pinned({ room }: { room: Room }) {
  const ids = pinnedIn({ room }).toReversed();
  const chosen = useSignal(0);
  const event = useSignal<MatrixEvent | null>(null);
  const at = Math.min(chosen.value, ids.length - 1);
  const id = ids[at];
  useEffect(() => {
    const known = id ? findEvent(room.roomId, id) : undefined;
    event.value = known ?? null;
    if (!id || known) return undefined;
    let isWanted = true;
    void rootEvent(matrix(), room, id).then((got) => isWanted && (event.value = got), () => undefined);
    return () => void (isWanted = false);
  }, [id]);
  if (!id || !event.value || event.value.isRedacted()) return null;
  return (
    <button
      class="plain pinned"
      onClick={() => {
        go({ view: "room", roomId: room.roomId, eventId: id }, { replace: true });
        chosen.value = (at + 1) % ids.length;
      }}
    >
      <Icon name="pin" />
      <span class="hidden-from-sight">{w.pinned(at + 1, ids.length)}</span>
      <span class="line"><bdi>{nameIn(room, event.value.getSender() ?? "")}: {inWords(event.value)}</bdi></span>
      {ids.length > 1 && <span class="quiet" aria-hidden="true">{at + 1}/{ids.length}</span>}
    </button>
  );
}
