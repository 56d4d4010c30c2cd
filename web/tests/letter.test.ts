/** A letter with a link that was asked for: kept for this tab and this person; more letters come slowly, and only a few. */

import { signal } from "@preact/signals";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

vi.setConfig({ testTimeout: 60_000 }); // a busy machine takes long to load the SDK
const KEY = "bongsu.email-letter";
const session = signal<{ userId: string } | null>({ userId: "@me:x" });
const sent: [string, string, number][] = [];
let kept: Map<string, string>;

vi.mock("../src/matrix/session", () => ({
  get session() {
    return session;
  },
}));
vi.mock("../src/matrix/client", () => ({
  matrix: () => ({
    getSafeUserId: () => session.value!.userId,
    generateClientSecret: () => `secret${sent.length}`,
    requestAdd3pidEmailToken: async (...asked: [string, string, number]) => ({ sid: `sid${sent.push(asked)}` }),
  }),
}));

beforeEach(() => {
  kept = new Map();
  sent.length = 0;
  session.value = { userId: "@me:x" };
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, text: string) => kept.set(key, text),
    removeItem: (key: string) => kept.delete(key),
  });
  vi.useFakeTimers({ now: 1_000_000 });
  vi.resetModules();
});
afterEach(() => vi.useRealTimers());

const loaded = () => import("../src/matrix/email-addresses");

test("another letter goes to the same address under the same secret, but not at once, and not for ever", async () => {
  const { askForLetter, TooMany, TooSoon } = await loaded();
  await askForLetter("a@x");
  await expect(askForLetter("a@x")).rejects.toThrow(TooSoon);
  for (let more = 0; more < 4; more++) {
    vi.setSystemTime(Date.now() + 30_000);
    await askForLetter("a@x");
  }
  vi.setSystemTime(Date.now() + 30_000);
  await expect(askForLetter("a@x")).rejects.toThrow(TooMany);
  expect(sent).toEqual([1, 2, 3, 4, 5].map((attempt) => ["a@x", "secret0", attempt]));
});

test("another address has its own secret and need not wait; nor does who sets the clock back", async () => {
  const { askForLetter, letter } = await loaded();
  await askForLetter("a@x");
  await askForLetter("b@x");
  expect(sent[1]).toEqual(["b@x", "secret1", 1]);
  vi.setSystemTime(0);
  await askForLetter("b@x");
  expect(letter.value).toMatchObject({ email: "b@x", sid: "sid3", secret: "secret1", attempt: 2 });
});

test("it outlives a reload, for the person who asked alone", async () => {
  await (await loaded()).askForLetter("a@x");
  vi.resetModules();
  const { letter, forgetLetter } = await loaded();
  expect(letter.value).toMatchObject({ email: "a@x", sid: "sid1" });
  session.value = { userId: "@other:x" };
  expect(letter.value).toBeNull();
  session.value = { userId: "@me:x" };
  forgetLetter();
  expect([letter.value, kept.size]).toEqual([null, 0]);
});

test.each(["", "{", "null", "[]", '{"email":"a@x"}'])("what is kept amiss is none: %s", async (text) => {
  kept.set(KEY, text);
  expect((await loaded()).letter.value).toBeNull();
});
