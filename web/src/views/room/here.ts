/** What the parts of an open timeline share: whose messages they show, and what is open over them. */

import { signal } from "@preact/signals";
import type { Room } from "matrix-js-sdk";
import { createContext } from "preact";
import { useContext } from "preact/hooks";

import type { RoomTimeline } from "../../matrix/timeline";
import type { MessageRow } from "../../matrix/timeline/rows";

export interface Here {
  room: Room;
  timeline: RoomTimeline;
  thread?: string; // the root, in a thread's panel
  show(eventId: string): void; // jump to a message
}

export const HereContext = createContext<Here | null>(null);

export function useHere(): Here {
  const here = useContext(HereContext);
  if (!here) throw new Error("outside of a timeline");
  return here;
}

/** The one menu, over whichever timeline. `x` and `y` are null for the foot of the page (phones, the keyboard). */
export interface OpenMenu {
  here: Here;
  row: MessageRow;
  x: number | null;
  y: number | null;
}
export const menu = signal<OpenMenu | null>(null);

export type About = "history" | "report" | "readers" | "reactions" | "forward";
export const about = signal<{ here: Here; row: MessageRow; what: About } | null>(null);
