import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { OutboxFull, Queue, Undeliverable } from "../src/matrix/outbox-queue";
import { ENTRIES_MAX, type Entry, nextUp, type Outcome, revived, threaded, verdict } from "../src/matrix/outbox-rules";
import { MemoryStore } from "../src/matrix/outbox-store";

const ME = { userId: "@me:x", deviceId: "PHONE" };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

class Answer extends Error {
  constructor(readonly outcome: Outcome) {
    super();
  }
}

const outcomeOf = (error: unknown): Outcome => (error instanceof Answer ? error.outcome : {});
const said = (roomId: string, body: string) => ({ roomId, type: "m.room.message", content: { body } });

/** A server as Bongsu is: what it has taken under a transaction id it takes once, and answers with the first event. */
class Server {
  readonly timeline: { roomId: string; body: string }[] = [];
  readonly events = new Map<string, string>();
  /** What goes wrong with the next request; "lost": it is done, but the answer does not arrive. */
  readonly faults: (Outcome | "lost" | null)[] = [];

  deliver = async ({ roomId, txnId, content, deviceId }: Entry): Promise<string> => {
    const fault = this.faults.shift();
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (fault && fault !== "lost") throw new Answer(fault);
    const key = `${deviceId} ${roomId} ${txnId}`;
    let event = this.events.get(key);
    if (!event) {
      event = `$${this.events.size}`;
      this.events.set(key, event);
      this.timeline.push({ roomId, body: content.body as string });
    }
    if (fault === "lost") throw new TypeError("Failed to fetch");
    return event;
  };

  bodies(roomId = "!r"): string[] {
    return this.timeline.filter((each) => each.roomId === roomId).map(({ body }) => body);
  }
}

async function opened(server = new Server(), store = new MemoryStore()) {
  const queue = new Queue(store, server.deliver, outcomeOf);
  await queue.start(ME);
  return { server, store, queue };
}

const states = (queue: Queue) => queue.entries.value.map(({ state, failure }) => failure ?? state);

describe("the outbox", () => {
  it("shows at once, sends in order, and forgets when the event has come", async () => {
    const { server, store, queue } = await opened();
    const added = queue.add(said("!r", "one"));
    expect(states(queue)).toEqual(["waiting"]);
    const txnId = await added;
    await queue.add(said("!r", "two"));
    expect(states(queue)).toEqual(["sending", "waiting"]);
    await vi.advanceTimersByTimeAsync(100);
    expect(server.bodies()).toEqual(["one", "two"]);
    expect(states(queue)).toEqual(["sent", "sent"]);
    expect(await store.list(ME.userId)).toEqual([]);
    queue.arrived("$0", txnId);
    queue.arrived("$1", undefined);
    expect(queue.entries.value).toEqual([]);
  });

  it("takes a message with an id of its own once, also after a reload", async () => {
    const { server, store, queue } = await opened();
    expect(await queue.add(said("!r", "file"), undefined, "m1")).toBe("m1");
    expect(await queue.add(said("!r", "file"), undefined, "m1")).toBe("m1");
    await vi.advanceTimersByTimeAsync(100);
    const later = (await opened(server, store)).queue; // of a page that does not know that it has gone
    await later.add(said("!r", "file"), undefined, "m1");
    await vi.advanceTimersByTimeAsync(100);
    expect(server.bodies()).toEqual(["file"]);
  });

  it("sends once what the server took though its answer was lost", async () => {
    const { server, queue } = await opened();
    server.faults.push("lost", "lost", null);
    await queue.add(said("!r", "one"));
    await queue.add(said("!r", "two"));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(server.bodies()).toEqual(["one", "two"]);
    expect(states(queue)).toEqual(["sent", "sent"]);
  });

  it("goes on after a reload under the same transaction id", async () => {
    const { server, store, queue } = await opened();
    server.faults.push("lost");
    await queue.add(said("!r", "one"));
    await queue.add(said("!r", "two"));
    await vi.advanceTimersByTimeAsync(30);
    queue.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.bodies()).toEqual(["one"]);
    await opened(server, store);
    await vi.advanceTimersByTimeAsync(100);
    expect(server.bodies()).toEqual(["one", "two"]);
    expect(await store.list(ME.userId)).toEqual([]);
  });

  it("lets the whole outbox rest when the server says 429, and one room wait when it says 503", async () => {
    const { server, queue } = await opened();
    server.faults.push({ status: 429, retryAfterMs: 30_000 });
    await queue.add(said("!r", "one"));
    await vi.advanceTimersByTimeAsync(25);
    await queue.add(said("!s", "other"));
    await vi.advanceTimersByTimeAsync(29_000);
    expect(server.timeline).toEqual([]);
    expect(queue.restUntil.value).toBeGreaterThan(Date.now());
    await vi.advanceTimersByTimeAsync(2_000);
    expect(server.timeline).toHaveLength(2);
    server.faults.push({ status: 503, retryAfterMs: 60_000 });
    await queue.add(said("!r", "two"));
    await vi.advanceTimersByTimeAsync(25);
    await queue.add(said("!s", "another"));
    await vi.advanceTimersByTimeAsync(1_000);
    expect([server.bodies("!r"), server.bodies("!s")]).toEqual([["one"], ["other", "another"]]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.bodies("!r")).toEqual(["one", "two"]);
  });

  it("keeps the longer of two rests", async () => {
    const { server, queue } = await opened();
    server.faults.push({ status: 429, retryAfterMs: 1_000 }, { status: 429, retryAfterMs: 60_000 });
    await queue.add(said("!r", "one"));
    await queue.add(said("!s", "two"));
    await vi.advanceTimersByTimeAsync(59_000);
    queue.hurry();
    expect(server.timeline).toEqual([]);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(server.timeline).toHaveLength(2);
  });

  it("goes on by itself when an account is unlocked", async () => {
    const { server, queue } = await opened();
    server.faults.push(...Array.from({ length: 8 }, () => ({ status: 401, errcode: "M_USER_LOCKED" })));
    await queue.add(said("!r", "one"));
    await vi.advanceTimersByTimeAsync(120_000);
    await queue.add(said("!r", "two"));
    await vi.advanceTimersByTimeAsync(120_000);
    expect(server.bodies()).toEqual(["one", "two"]);
  });

  it("is one message still when somebody presses twice, or leaves in mid-retry", async () => {
    const { server, store, queue } = await opened();
    server.faults.push({ status: 403 });
    const refused = await queue.add(said("!r", "one"));
    await vi.advanceTimersByTimeAsync(100);
    const [failed] = await store.list(ME.userId);
    await Promise.all([queue.retry(refused), queue.retry(refused)]);
    expect(queue.entries.value).toHaveLength(1);
    expect(await store.list(ME.userId)).toHaveLength(1);
    queue.stop();
    const { number: _, ...again } = failed!;
    await store.add({ ...again, number: 0 } as never); // what was to be removed next
    const next = await opened(server, store);
    await vi.advanceTimersByTimeAsync(100);
    expect(next.queue.entries.value).toHaveLength(1);
    expect(await store.list(ME.userId)).toHaveLength(1);
  });

  it("does not let a refused message hold up the next, and offers it again behind them", async () => {
    const { server, store, queue } = await opened();
    server.faults.push({ status: 403, errcode: "M_FORBIDDEN", message: "no" });
    const refused = await queue.add(said("!r", "one"));
    await queue.add(said("!r", "two"));
    await vi.advanceTimersByTimeAsync(100);
    expect(states(queue)).toEqual(["refused", "sent"]);
    expect((await store.list(ME.userId)).map(({ state }) => state)).toEqual(["failed"]);
    await queue.retry(refused);
    await vi.advanceTimersByTimeAsync(100);
    expect(server.bodies()).toEqual(["two", "one"]);
    expect(states(queue)).toEqual(["sent", "sent"]);
    expect(queue.entries.value.at(-1)!.txnId).toBe(refused);
  });

  it("keeps what failed over a reload, and forgets it when told", async () => {
    const { server, store, queue } = await opened();
    server.faults.push({ status: 413 });
    const txnId = await queue.add(said("!r", "one"));
    await vi.advanceTimersByTimeAsync(100);
    queue.stop();
    const again = await opened(server, store);
    expect(states(again.queue)).toEqual(["too-large"]);
    await again.queue.discard(txnId);
    expect(await store.list(ME.userId)).toEqual([]);
  });

  it("asks before it sends on a new session what an ended one may have sent", async () => {
    const { server, store, queue } = await opened();
    server.faults.push({ status: 401 }, { status: 401 });
    const txnId = await queue.add(said("!r", "one"));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(states(queue)).toEqual(["waiting"]);
    queue.stop();
    const next = new Queue(store, server.deliver, outcomeOf);
    await next.start({ userId: ME.userId, deviceId: "OTHER" });
    await vi.advanceTimersByTimeAsync(1_000);
    expect([states(next), server.bodies()]).toEqual([["unsure"], []]);
    server.faults.length = 0;
    await next.retry(txnId);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([states(next), server.bodies()]).toEqual([["sent"], ["one"]]);
  });

  it("shows a stranger nothing, and leaves nothing behind when told so", async () => {
    const { server, store, queue } = await opened();
    server.faults.push({ status: 503, retryAfterMs: 300_000 });
    await queue.add(said("!r", "one"));
    await vi.advanceTimersByTimeAsync(100);
    queue.stop();
    expect(queue.entries.value).toEqual([]);
    await queue.start({ userId: "@you:x", deviceId: "D" });
    expect(queue.entries.value).toEqual([]);
    await queue.forgetAll(ME.userId);
    expect(await store.list(ME.userId)).toEqual([]);
  });

  it("is bounded", async () => {
    const { server, queue } = await opened();
    server.faults.push({ status: 503, retryAfterMs: 300_000 });
    for (let n = 0; n < ENTRIES_MAX; n++) await queue.add(said("!r", String(n)));
    await expect(queue.add(said("!r", "one too many"))).rejects.toBeInstanceOf(OutboxFull);
  });

  it("fails what can never be delivered, with its reason", async () => {
    const store = new MemoryStore();
    const never = async () => {
      throw new Undeliverable({ then: "fail", failure: "no-encryption" });
    };
    const queue = new Queue(store, never, outcomeOf);
    await queue.start(ME);
    await queue.add(said("!r", "one"));
    await vi.advanceTimersByTimeAsync(10);
    expect(states(queue)).toEqual(["no-encryption"]);
  });

  it("lets go of what was acknowledged but came in a gap of the timeline", async () => {
    const { queue } = await opened();
    await queue.add(said("!r", "one"));
    await vi.advanceTimersByTimeAsync(100);
    queue.synced();
    expect(states(queue)).toEqual(["sent"]);
    queue.synced();
    expect(states(queue)).toEqual([]);
  });
});

/** Goal: whatever happens, each message exists once, in the order of its room. Method: many runs in virtual time,
 * with answers lost, sites busy, and the page reloaded at any moment; each run from a seed that a failure prints. */
describe("the outbox under everything at once", () => {
  it.each(Array.from({ length: 60 }, (_, seed) => seed))("seed %i", async (seed) => {
    const random = seeded(seed);
    const server = new Server();
    const store = new MemoryStore();
    let { queue } = await opened(server, store);
    const written: Record<string, string[]> = { "!r": [], "!s": [], "!t": [] };
    for (let n = 0; n < 60; n++) {
      const dice = random();
      if (dice < 0.3) server.faults.push("lost");
      else if (dice < 0.4) server.faults.push({ status: 503, retryAfterMs: Math.floor(random() * 500) });
      else if (dice < 0.45) server.faults.push({ status: 429, retryAfterMs: Math.floor(random() * 500) });
      const roomId = ["!r", "!s", "!t"][Math.floor(random() * 3)]!;
      written[roomId]!.push(`${n}`);
      await queue.add(said(roomId, `${n}`));
      if (random() < 0.1) {
        queue.stop();
        ({ queue } = await opened(server, store));
      }
      if (random() < 0.2) queue.hurry();
      await vi.advanceTimersByTimeAsync(Math.floor(random() * 60));
    }
    server.faults.length = 0;
    await vi.advanceTimersByTimeAsync(600_000);
    for (const [roomId, bodies] of Object.entries(written)) expect(server.bodies(roomId)).toEqual(bodies);
    expect(await store.list(ME.userId)).toEqual([]);
    expect(states(queue).filter((state) => state !== "sent")).toEqual([]);
  });
});

describe("the rules", () => {
  const entry = (roomId: string, state: Entry["state"], number = 1): Entry => ({
    ...said(roomId, ""), ...ME, number, state, txnId: `${roomId}${number}`, at: 0, tries: 0, encrypted: false,
  });

  it("sends one of a room at a time, two rooms at once, and passes over what failed", () => {
    const all = [entry("!a", "failed"), entry("!a", "waiting", 2), entry("!a", "waiting", 3), entry("!b", "waiting"), entry("!c", "waiting")];
    expect(nextUp(all, new Set()).map(({ txnId }) => txnId)).toEqual(["!a2", "!b1"]);
    expect(nextUp(all, new Set(["!a"])).map(({ txnId }) => txnId)).toEqual(["!b1", "!c1"]);
    expect(nextUp([entry("!a", "sending"), ...all], new Set()).map(({ txnId }) => txnId)).toEqual(["!b1"]);
  });

  it("does not let a message pass one that is still being written down", () => {
    expect(nextUp([entry("!a", "waiting", Infinity), entry("!a", "waiting", 2)], new Set())).toEqual([]);
  });

  it.each<[Outcome, number, object]>([
    [{}, 1, { then: "again", afterMs: 1_000 }],
    [{}, 30, { then: "again", afterMs: 30_000 }],
    [{ status: 429, retryAfterMs: 7_000 }, 1, { then: "again", afterMs: 7_000, everything: true }],
    [{ status: 503, retryAfterMs: 1e12 }, 1, { then: "again", afterMs: 300_000 }],
    [{ status: 500 }, 4, { then: "again" }],
    [{ status: 500 }, 5, { then: "fail", failure: "server" }],
    [{ status: 401 }, 1, { then: "rest" }],
    [{ status: 413 }, 1, { then: "fail", failure: "too-large" }],
    [{ status: 400, errcode: "M_TOO_LARGE" }, 1, { then: "fail", failure: "too-large" }],
    [{ status: 404, message: "gone" }, 1, { then: "fail", failure: "refused", error: "gone" }],
  ])("%j at try %i", (outcome, tries, means) => {
    expect(verdict(outcome, tries)).toMatchObject(means);
  });

  it("sends again what was under way when the page went", () => {
    expect(revived(entry("!a", "sending"), "PHONE").state).toBe("waiting");
  });

  it("puts a message into its thread, keeps an answer, and leaves other relations alone", () => {
    expect(threaded({ body: "a" }, "$root", "$last")["m.relates_to"]).toEqual({
      rel_type: "m.thread", event_id: "$root", is_falling_back: true, "m.in_reply_to": { event_id: "$last" },
    });
    const answer = { body: "a", "m.relates_to": { "m.in_reply_to": { event_id: "$x" } } };
    expect(threaded(answer, "$root", "$last")["m.relates_to"]).toMatchObject({
      is_falling_back: false, "m.in_reply_to": { event_id: "$x" },
    });
    const edit = { body: "a", "m.relates_to": { rel_type: "m.replace", event_id: "$x" } };
    expect(threaded(edit, "$root", "$last")).toBe(edit);
  });
});

/** Mulberry32: small, and the same everywhere. */
function seeded(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
