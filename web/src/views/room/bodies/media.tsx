/** Pictures, video, voice and files in a message. */

import type { MatrixEvent } from "matrix-js-sdk";

export function MediaBody({ event }: { event: MatrixEvent }) {
  return <p>{String(event.getContent().body ?? "")}</p>;
}
