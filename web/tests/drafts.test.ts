import { beforeEach, expect, test, vi } from "vitest";

import type { Session } from "../src/matrix/session";

vi.setConfig({ testTimeout: 60_000 }); // a busy machine takes long to load the SDK
const MINJI: Session = { userId: "@minji:x", deviceId: "D", accessToken: "t" };
let kept: Record<string, string>;
let isFull: boolean;

beforeEach(() => {
  kept = {};
  isFull = false;
  const storage = Object.defineProperties(kept, {
    getItem: { value: (key: string) => kept[key] ?? null },
    setItem: { value: store },
    removeItem: { value: (key: string) => void delete kept[key] },
  });
  vi.stubGlobal("localStorage", storage);
  vi.stubGlobal("window", { localStorage: storage, sessionStorage: storage });
  vi.stubGlobal("location", { origin: "https://x.example" });
  vi.resetModules();
});

function store(key: string, text: string): void {
  if (isFull) throw new DOMException("no room", "QuotaExceededError");
  kept[key] = text;
}

async function signedIn() {
  const [drafts, { session, forget }] = [await import("../src/matrix/drafts"), await import("../src/matrix/session")];
  session.value = MINJI;
  return { ...drafts, session, forget };
}

test("a draft is there again, for the person who wrote it", async () => {
  const { keepDraft, draftOf, session } = await signedIn();
  keepDraft("!room", { text: "쓰다 만", mentions: [], replyTo: "$a" });
  expect(draftOf("!room")).toMatchObject({ text: "쓰다 만", replyTo: "$a" });
  session.value = { ...MINJI, userId: "@john:x" };
  expect(draftOf("!room")).toBeNull();
});

test("an emptied draft leaves nothing behind; a broken one is no draft", async () => {
  const { keepDraft, draftOf } = await signedIn();
  keepDraft("!room", { text: "a", mentions: [] });
  const [key] = Object.keys(kept).filter((each) => each.includes("draft"));
  keepDraft("!room", { text: "", mentions: [] });
  expect(kept).not.toHaveProperty([key!]);
  kept[key!] = "{";
  expect(draftOf("!room")).toBeNull();
});

test("the oldest of too many makes room", async () => {
  const { keepDraft, draftOf } = await signedIn();
  vi.useFakeTimers();
  for (let number = 0; number < 205; number++) {
    vi.setSystemTime(number);
    keepDraft(`!${number}`, { text: "a", mentions: [] });
  }
  vi.useRealTimers();
  expect(Object.keys(kept).filter((key) => key.includes("draft")).length).toBe(200);
  expect(draftOf("!4")).toBeNull();
  expect(draftOf("!204")?.text).toBe("a");
});

test("where nothing may be stored the draft lives as long as the page", async () => {
  const { keepDraft, draftOf } = await signedIn();
  isFull = true;
  keepDraft("!room", { text: "a", mentions: [] });
  expect(draftOf("!room")?.text).toBe("a");
});

test("drafts outlive a session ended elsewhere, not a sign-out", async () => {
  const { keepDraft, draftOf, forgetDrafts, session, forget } = await signedIn();
  keepDraft("!room", { text: "a", mentions: [] });
  forget(true);
  session.value = MINJI;
  expect(draftOf("!room")?.text).toBe("a");
  forgetDrafts("@min:x");
  expect(draftOf("!room")?.text).toBe("a");
  forgetDrafts(MINJI.userId);
  expect(draftOf("!room")).toBeNull();
});
