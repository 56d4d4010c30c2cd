/** New groups, and who may come into a room. */

import { EventType, type ICreateRoomStateEvent, Preset, Visibility } from "matrix-js-sdk";

import { matrix } from "./client";
import { encryptedFromTheStart } from "./crypto-rooms";
import { upload } from "./upload-request";

export const NAME_CHARACTERS_MAX = 100;
export const PEOPLE_INVITED_MAX = 100; // at once; more are invited from within

/** "invite": whoever is invited. "knock": whoever asks and is let in. "public": whoever has the address. */
export type Door = "invite" | "knock" | "public";

export interface NewGroup {
  name: string; // empty: called by its people
  people: string[]; // user ids
  door: Door;
  encrypted: boolean;
  avatar?: string; // mxc: address
}

/** The id of the room. What is in the form is true of the room from its first moment on. */
export async function createGroup(group: NewGroup): Promise<string> {
  const state: ICreateRoomStateEvent[] = group.encrypted ? encryptedFromTheStart() : [];
  if (group.avatar) state.push({ type: "m.room.avatar", state_key: "", content: { url: group.avatar } });
  if (group.door === "knock") state.push({ type: "m.room.join_rules", state_key: "", content: { join_rule: "knock" } });
  const { room_id } = await matrix().createRoom({
    ...(group.name ? { name: group.name } : {}),
    preset: group.door === "public" ? Preset.PublicChat : Preset.PrivateChat,
    visibility: Visibility.Private, // found by its address, not in a directory
    invite: group.people,
    initial_state: state,
  });
  return room_id;
}

/** A picture on the server: its mxc: address. Throws UploadFailed. */
export function uploadPicture(file: File): Promise<string> {
  return upload(file, null, {}, { onSent: () => undefined, signal: new AbortController().signal });
}

export async function setDoor(roomId: string, door: Door): Promise<void> {
  await matrix().sendStateEvent(roomId, EventType.RoomJoinRules, { join_rule: door as never }, "");
}
