/** The picture of a person in a room, as an mxc address; empty without one. */

import type { Room } from "matrix-js-sdk";

export function mxcOf(room: Room, userId: string): string {
  return room.getMember(userId)?.getMxcAvatarUrl() ?? "";
}
