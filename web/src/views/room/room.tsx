/** One room: its head, its timeline, its composer; a thread beside it. */

import { Composer } from "./composer";
import { RoomHead } from "./head";
import { RoomInfo } from "./info";
import { ThreadPanel } from "./thread";
import { Timeline } from "./timeline";

interface Shown {
  roomId: string;
  eventId?: string;
  thread?: string;
  panel?: string;
}

export function RoomView({ roomId, eventId, thread, panel }: Shown) {
  return (
    <div class="room">
      <RoomHead roomId={roomId} />
      <Timeline roomId={roomId} eventId={eventId} />
      <Composer roomId={roomId} />
      {panel && <RoomInfo roomId={roomId} panel={panel} />}
      {thread && <ThreadPanel roomId={roomId} thread={thread} />}
    </div>
  );
}
