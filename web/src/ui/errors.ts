/** What went wrong, in words that help: by the server's code where it is known, else by what the server said. */

import { MatrixError } from "matrix-js-sdk";

import { words } from "../words";

const w = words({
  unreachable: ["서버에 닿지 않습니다. 잠시 뒤 다시 시도해 주세요.", "The server cannot be reached. Please try again in a moment."],
  forbidden: ["권한이 없어 할 수 없습니다.", "You are not allowed to do this."],
  missing: ["찾을 수 없습니다.", "It cannot be found."],
  often: ["너무 잦습니다. 잠시 뒤 다시 시도해 주세요.", "Too often. Please try again in a moment."],
  large: ["너무 큽니다.", "It is too large."],
  taken: ["이미 쓰이고 있습니다.", "It is taken already."],
  busy: ["서버가 잠시 바쁩니다. 다시 시도해 주세요.", "The server is busy for a moment. Please try again."],
});

export function inPlainWords(error: unknown): string {
  if (!(error instanceof MatrixError)) return w.unreachable;
  switch (error.errcode) {
    case "M_FORBIDDEN":
      return w.forbidden;
    case "M_NOT_FOUND":
      return w.missing;
    case "M_LIMIT_EXCEEDED":
      return w.often;
    case "M_TOO_LARGE":
      return w.large;
    case "M_ROOM_IN_USE":
      return w.taken;
    default:
      return (error.httpStatus ?? 0) >= 500 ? w.busy : (error.data.error ?? w.unreachable);
  }
}
