/** The name of a room that has none of its own: the people in it, in the language of now. */

import { type MatrixClient, type RoomNameState, RoomNameType } from "matrix-js-sdk";
import { effect } from "@preact/signals";

import { language, words } from "../words";
import { matrix, onClient, ready } from "./client";
import { textOf } from "./content";

const NAMES_SHOWN = 3;

const w = words({
  empty: ["혼자 있는 대화방", "Room without others"],
  emptied: [(who: string) => `${who} (나감)`, (who: string) => `${who} (left)`],
  more: [(names: string, n: number) => `${names} 외 ${n}명`, (names: string, n: number) => `${names} and ${n} more`],
});

export function nameInWords(state: RoomNameState): string {
  switch (state.type) {
    case RoomNameType.Actual:
      return textOf(state.name) || w.empty; // of an address that is no text the SDK can make no name
    case RoomNameType.Generated: {
      const names = state.names.slice(0, NAMES_SHOWN).join(", ");
      const others = state.count - Math.min(state.names.length, NAMES_SHOWN);
      return names ? (others > 0 ? w.more(names, others) : names) : w.empty;
    }
    case RoomNameType.EmptyRoom:
      return state.oldName ? w.emptied(state.oldName) : w.empty;
  }
}

onClient((client: MatrixClient) => {
  client.roomNameGenerator = (_roomId, state) => nameInWords(state);
});

let spoken = language.peek();
effect(() => {
  if (language.value === spoken || !ready.value) return;
  spoken = language.value;
  for (const room of matrix().getRooms()) room.recalculate();
});
