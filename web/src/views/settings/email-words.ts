/** Why an e-mail address could not be added or removed, in words that tell what to do. */

import { MatrixError } from "matrix-js-sdk";

import { isUnproved, TooMany, TooSoon } from "../../matrix/email-addresses";
import { doorWords } from "../../ui/door-words";
import { words } from "../../words";

const w = words({
  own: ["이미 이 계정에 등록된 주소입니다.", "Your account has this address already."],
  inUse: ["다른 계정이 이미 쓰는 주소입니다.", "Another account uses this address already."],
  invalid: ["이메일 주소가 아닙니다. 다시 살펴봐 주세요.", "This is no e-mail address. Please look at it again."],
  unproved: [
    "아직 마지막 편지의 링크를 열어 확인하지 않았거나, 링크가 한 시간이 지나 만료되었습니다.",
    "The link in the last letter has not been opened and confirmed yet, or it is older than an hour.",
  ],
  denied: ["이 서버는 이메일 주소를 받지 않습니다.", "This server takes no e-mail addresses."],
  tooSoon: [
    (seconds: number) => `방금 보냈습니다. 편지가 늦을 수도 있습니다. ${seconds}초 뒤에 다시 보낼 수 있습니다.`,
    (seconds: number) => `It has just been sent, and may take a while. You can send it again in ${seconds} s.`,
  ],
  tooMany: [
    (letters: number) => `이 주소로 이미 편지를 ${letters}번 보냈습니다. 주소가 맞는지 살펴봐 주세요.`,
    (letters: number) => `${letters} letters have been sent there already. Please check that the address is right.`,
  ],
});

/** The account has this address. */
export class AlreadyOwn extends Error {}

export function emailWords(error: unknown): string {
  if (error instanceof AlreadyOwn) return w.own;
  if (error instanceof TooSoon) return w.tooSoon(error.seconds);
  if (error instanceof TooMany) return w.tooMany(error.letters);
  if (isUnproved(error)) return w.unproved;
  switch (error instanceof MatrixError && error.errcode) {
    case "M_THREEPID_IN_USE":
      return w.inUse;
    case "M_INVALID_PARAM":
      return w.invalid;
    case "M_THREEPID_DENIED":
      return w.denied;
    default:
      return doorWords(error);
  }
}
