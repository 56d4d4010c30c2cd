/** A thread beside its room: its root, its replies, and where one writes into it. */

import { words } from "../../words";
import { Composer } from "./composer";
import { Side } from "./side";
import { Timeline } from "./timeline";

const w = words({ title: ["스레드", "Thread"] });

export function ThreadPanel({ roomId, thread, eventId }: { roomId: string; thread: string; eventId?: string }) {
  return (
    <Side roomId={roomId} title={w.title}>
      <Timeline roomId={roomId} thread={thread} eventId={eventId} />
      <Composer roomId={roomId} thread={thread} />
    </Side>
  );
}
