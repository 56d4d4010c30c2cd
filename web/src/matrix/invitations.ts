/**
 * Invitations by address: `…/#/join/` and a room's alias or id, or a person's id. Whoever opens it signs in if need be and
 * lands there; what a stranger may do is decided by the room's join rule, not by the address.
 */

import type { Room, RoomSummary } from "matrix-js-sdk";

import { address } from "../router";
import { matrix } from "./client";
import { anonymous, session } from "./session";

export function addressOfRoom(room: Room): string {
  const target = room.getCanonicalAlias() ?? room.roomId;
  return absolute(target, [room.client.getDomain() ?? ""].filter(Boolean));
}

export function addressOfPerson(userId: string): string {
  return absolute(userId, []);
}

/** The room as the server shows it to whoever asks, signed in or not. Throws MatrixError where it shows nothing. */
export function preview(target: string, via: string[]): Promise<Summary> {
  const client = session.peek() ? matrix() : anonymous();
  return client.getRoomSummary(target, via) as Promise<Summary>;
}

export type Summary = RoomSummary;

function absolute(target: string, via: string[]): string {
  return location.origin + location.pathname + address({ view: "join", target, via });
}
