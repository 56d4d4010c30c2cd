/** What the client tells of one room, for as long as its timeline is open. Returns how to stop. */

import { type MatrixClient, type MatrixEvent, MatrixEventEvent, type Room, RoomEvent, RoomMemberEvent, RoomStateEvent } from "matrix-js-sdk";

interface Told {
  arrived(event: MatrixEvent): void; // live, from the server
  gap(): void; // sync left some out
  changed(): void; // something known looks different: decrypted, redacted, another name
}

export function follow(client: MatrixClient, room: Room, told: Told): () => void {
  const isHere = (event: MatrixEvent) => event.getRoomId() === room.roomId;
  const onTimeline = (event: MatrixEvent, _: Room | undefined, toStart: boolean | undefined, removed: boolean, data: { liveEvent?: boolean }) => {
    if (isHere(event) && !toStart && !removed && data.liveEvent && !event.status) told.arrived(event);
  };
  const onReset = (reset: Room | undefined) => {
    if (reset === room) told.gap();
  };
  const onChange = (event: MatrixEvent) => {
    if (isHere(event)) told.changed();
  };
  const changes = [MatrixEventEvent.Decrypted, RoomEvent.Redaction, RoomMemberEvent.Name, RoomStateEvent.Members] as const;
  client.on(RoomEvent.Timeline, onTimeline);
  client.on(RoomEvent.TimelineReset, onReset);
  for (const change of changes) client.on(change, onChange);
  return () => {
    client.off(RoomEvent.Timeline, onTimeline);
    client.off(RoomEvent.TimelineReset, onReset);
    for (const change of changes) client.off(change, onChange);
  };
}
