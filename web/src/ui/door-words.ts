/** Why the door, or a change of password, said no: in words that tell what to do. */

import { MatrixError } from "matrix-js-sdk";

import { words } from "../words";
import { inPlainWords } from "./errors";

const LONG_SECONDS = 120; // beyond it minutes are told

const w = words({
  wrong: ["아이디나 비밀번호가 맞지 않습니다.", "The username or the password is not right."],
  refused: ["가입 코드가 맞지 않거나 이미 다 쓰였습니다.", "The registration code is not right, or has been used up."],
  closed: ["이 서버에서는 스스로 가입할 수 없습니다.", "Nobody can make an account here by themselves."],
  taken: ["이미 쓰이는 아이디입니다. 다른 것을 골라 주세요.", "This username is taken. Please choose another."],
  name: ["아이디에는 영문 소문자와 숫자, . _ - 만 쓸 수 있습니다.", "A username may hold small letters a to z, digits, and . _ - only."],
  weak: ["비밀번호가 너무 쉽습니다. 더 길게 지어 주세요.", "The password is too easy. Please make it longer."],
  gone: ["이 계정은 없어졌습니다.", "This account has been closed."],
  locked: ["이 계정은 잠겨 있습니다. 운영자에게 문의하세요.", "This account is locked. Please ask the operator."],
  wait: [
    (seconds: number) => `시도가 너무 잦습니다. ${seconds}초 뒤에 다시 해 주세요.`,
    (seconds: number) => `Too many attempts. Please try again in ${seconds} s.`,
  ],
  waitLong: [
    (minutes: number) => `시도가 너무 잦습니다. ${minutes}분 뒤에 다시 해 주세요.`,
    (minutes: number) => `Too many attempts. Please try again in ${minutes} minutes.`,
  ],
});

export function doorWords(error: unknown, registering = false): string {
  if (!(error instanceof MatrixError)) return inPlainWords(error);
  switch (error.errcode) {
    case "M_USER_IN_USE":
    case "M_EXCLUSIVE":
      return w.taken;
    case "M_INVALID_USERNAME":
      return w.name;
    case "M_WEAK_PASSWORD":
      return w.weak;
    case "M_USER_DEACTIVATED":
      return w.gone;
    case "M_USER_LOCKED":
      return w.locked;
    case "M_LIMIT_EXCEEDED":
      return waitWords(Math.max(1, Math.ceil((error.getRetryAfterMs() ?? 0) / 1000)));
    case "M_FORBIDDEN":
    case "M_UNAUTHORIZED":
      if (!registering) return w.wrong;
      return error.httpStatus === 401 ? w.refused : w.closed;
    default:
      return inPlainWords(error);
  }
}

function waitWords(seconds: number): string {
  return seconds > LONG_SECONDS ? w.waitLong(Math.ceil(seconds / 60)) : w.wait(seconds);
}
