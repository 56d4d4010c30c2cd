/** Draw again, at most once a frame, when a room's state, members or tags change. */

import { useEffect, useReducer } from "preact/hooks";
import { type Room, RoomEvent, RoomStateEvent } from "matrix-js-sdk";

import { matrix } from "../../matrix/client";

/** Null for a room of which this account knows nothing. */
export function useRoom(roomId: string): Room | null {
  const [, again] = useReducer((n: number) => n + 1, 0);
  const room = matrix().getRoom(roomId);
  useEffect(() => {
    if (!room) return undefined;
    let frame = 0;
    const look = () => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        again(undefined as never);
      });
    };
    room.on(RoomStateEvent.Update, look);
    room.on(RoomStateEvent.Members, look);
    room.on(RoomEvent.Tags, look);
    room.on(RoomEvent.Name, look);
    room.on(RoomEvent.MyMembership, look);
    return () => {
      cancelAnimationFrame(frame);
      room.off(RoomStateEvent.Update, look);
      room.off(RoomStateEvent.Members, look);
      room.off(RoomEvent.Tags, look);
      room.off(RoomEvent.Name, look);
      room.off(RoomEvent.MyMembership, look);
    };
  }, [room]);
  return room;
}
