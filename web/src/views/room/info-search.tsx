/** Messages of this room that hold a word; one opens the room where it was said. */

import { useSignal } from "@preact/signals";
import type { Room } from "matrix-js-sdk";

import { words } from "../../words";
import { Messages } from "../room-list/found";
import { useSettled } from "../../ui/use-settled";

const w = words({
  find: ["찾을 말", "Words to find"],
});

export function InfoSearch({ room }: { room: Room }) {
  const term = useSignal("");
  const settled = useSettled(term.value.trim());
  return (
    <>
      <input
        type="search"
        aria-label={w.find}
        placeholder={w.find}
        value={term.value}
        onInput={(event) => (term.value = event.currentTarget.value)}
      />
      {settled && <div class="found"><Messages term={settled} roomId={room.roomId} /></div>}
    </>
  );
}
