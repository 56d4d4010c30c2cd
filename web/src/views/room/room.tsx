/** One room: its head, its timeline, its composer; a thread beside it. */

import { Composer } from "./composer";
import { RoomHead } from "./head";
import { ThreadPanel } from "./thread";
import { Timeline } from "./timeline";

export function RoomView({ roomId, eventId, thread }: { roomId: string; eventId?: string; thread?: string }) {
  return (
    <div class="room">
      <RoomHead roomId={roomId} />
      <Timeline roomId={roomId} eventId={eventId} />
      <Composer roomId={roomId} />
      {thread && <ThreadPanel roomId={roomId} thread={thread} />}
    </div>
  );
}
