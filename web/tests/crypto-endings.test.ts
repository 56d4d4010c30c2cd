/** How a verification ended, as people are told. */

import { expect, test } from "vitest";

import { endingOf, isEnding } from "../src/matrix/crypto-endings";

test.each([
  ["m.user", "declined"],
  ["m.accepted", "elsewhere"],
  ["m.timeout", "late"],
  ["m.unknown_method", "unsupported"],
  ["m.mismatched_sas", "mismatch"],
  ["m.mismatched_commitment", "mismatch"],
  ["m.key_mismatch", "mismatch"],
  ["m.user_mismatch", "mismatch"],
  ["m.unexpected_message", "failed"],
  ["org.example.whatever", "failed"],
  ["toString", "failed"],
  [null, "failed"],
])("%s is said as %s", (code, ending) => expect(endingOf(code)).toBe(ending));

test("what goes on has not ended", () => {
  expect(["done", "mismatch", "late"].every(isEnding)).toBe(true);
  expect(["asked", "choose", "emoji", "waiting"].some(isEnding)).toBe(false);
});
