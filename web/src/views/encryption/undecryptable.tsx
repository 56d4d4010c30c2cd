/** A message that cannot be read here: why, and what helps. */

import type { MatrixEvent } from "matrix-js-sdk";

export function Undecryptable(_: { event: MatrixEvent }) {
  return <p class="quiet">…</p>;
}
