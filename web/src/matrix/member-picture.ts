/** The picture of a person in a room, as an mxc address; empty without one. */

import type { Room } from "matrix-js-sdk";

import { textOf } from "./content";

export function mxcOf(room: Room | null, userId: string): string {
  return textOf(room?.getMember(userId)?.getMxcAvatarUrl());
}
