/** What a message answers, in a line above it; fetched where it is not at hand. */

import { signal, type Signal } from "@preact/signals";
import { MatrixError, type MatrixEvent, MatrixEventEvent } from "matrix-js-sdk";
import { useEffect } from "preact/hooks";

import { matrix } from "../../matrix/client";
import { nameIn } from "../../matrix/happened";
import { inWords } from "../../matrix/last-line";
import { rootEvent } from "../../matrix/timeline/pages";
import { words } from "../../words";
import { useHere } from "./here";

const ASKED_AGAIN_MS = 30_000; // of what could not be had just then
const FETCHED_MAX = 200; // answered messages remembered; then the oldest are asked for again

const w = words({
  answered: [(who: string) => `${who}님에게 답장`, (who: string) => `Answer to ${who}`],
  gone: ["원래 메시지를 볼 수 없습니다", "The message answered cannot be shown"],
  loading: ["불러오는 중…", "Loading…"],
});

type Fetched = Signal<MatrixEvent | "loading" | "gone">;
const fetched = new Map<string, Fetched>(); // by room and event

export function ReplyQuote({ eventId }: { eventId: string }) {
  const { room, timeline, show } = useHere();
  const known = timeline.eventOf(eventId);
  const far = known ? null : fetch(room.roomId, eventId);
  const event = known ?? far!.value;
  useEffect(() => {
    if (typeof event === "string" || !event.isBeingDecrypted()) return;
    const redraw = () => far && (far.value = event);
    event.once(MatrixEventEvent.Decrypted, redraw);
    return () => void event.off(MatrixEventEvent.Decrypted, redraw);
  }, [event]);
  if (event === "loading" || event === "gone") return <p class="quote quiet">{event === "gone" ? w.gone : w.loading}</p>;
  return (
    <button class="plain quote" onClick={() => show(eventId)}>
      <span class="quote-name"><bdi>{w.answered(nameIn(room, event.getSender() ?? ""))}</bdi></span>
      <span class="quote-text"><bdi>{inWords(event)}</bdi></span>
    </button>
  );
}

function fetch(roomId: string, eventId: string): Fetched {
  const key = `${roomId} ${eventId}`;
  let kept = fetched.get(key);
  if (kept) return kept;
  fetched.set(key, (kept = signal<MatrixEvent | "loading" | "gone">("loading")));
  if (fetched.size > FETCHED_MAX) fetched.delete(fetched.keys().next().value!);
  const into = kept;
  const room = matrix().getRoom(roomId)!;
  rootEvent(matrix(), room, eventId).then(
    (event) => (into.value = event),
    (error: unknown) => {
      into.value = "gone";
      if (error instanceof MatrixError && error.httpStatus === 404) return;
      setTimeout(() => fetched.delete(key), ASKED_AGAIN_MS); // when it is next drawn
    },
  );
  return kept;
}
