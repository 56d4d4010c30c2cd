import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Connection } from "../src/matrix/site-connection";
import { isRepeatable, retryAfter, SiteLost, siteFetcher } from "../src/matrix/site-fetch";
import { siteList, sitesTold } from "../src/matrix/site-list";
import { type Ask, race } from "../src/matrix/site-race";

const A = "https://a.example";
const B = "https://b.example";
const C = "https://c.example";
const TIMES = { hedgeMs: 300, patienceMs: 700, totalMs: 5_000 };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A site that answers after some ms: true or false; or fails then; or never says a word. */
type Habit = { after: number; says: boolean | "fails" } | "silent";

function asked(habits: Record<string, Habit>, log: string[] = []): Ask {
  return (site, signal) =>
    new Promise((resolve, reject) => {
      log.push(site);
      signal.addEventListener("abort", () => reject(signal.reason));
      const habit = habits[site]!;
      if (habit === "silent") return;
      setTimeout(() => (habit.says === "fails" ? reject(new TypeError("refused")) : resolve(habit.says)), habit.after);
    });
}

async function raced(habits: Record<string, Habit>, others = [B, C]) {
  const log: string[] = [];
  const begun = Date.now();
  let took = -1;
  const won = race(A, others, asked(habits, log), TIMES).then((winner) => {
    took = Date.now() - begun;
    return winner;
  });
  await vi.advanceTimersByTimeAsync(6_000);
  return { winner: await won, took, log };
}

describe("the race of the sites", () => {
  it("asks nobody else while the site of now answers", async () => {
    const { winner, took, log } = await raced({ [A]: { after: 120, says: true } });
    expect([winner, took, log]).toEqual([A, 120, [A]]);
  });

  it("leaves a silent site as soon as its patience is over, for the first that answered", async () => {
    const { winner, took } = await raced({ [A]: "silent", [B]: { after: 90, says: true }, [C]: { after: 40, says: true } });
    expect([winner, took]).toEqual([C, 700]);
  });

  it("keeps a site that is slow, but not too slow, however quick the others are", async () => {
    const { winner } = await raced({ [A]: { after: 650, says: true }, [B]: { after: 5, says: true }, [C]: "silent" });
    expect(winner).toBe(A);
  });

  it("moves nobody for a network that is slow to everywhere", async () => {
    const slow: Habit = { after: 2_000, says: true };
    expect((await raced({ [A]: slow, [B]: slow, [C]: slow })).winner).toBe(A);
  });

  it("waits for nothing when the connection was refused", async () => {
    const { winner, took } = await raced({ [A]: { after: 1, says: "fails" }, [B]: { after: 9, says: true }, [C]: "silent" });
    expect([winner, took]).toEqual([B, 10]);
  });

  it("leaves a site that takes no clients, and goes to none that takes none", async () => {
    const { winner } = await raced({
      [A]: { after: 10, says: false }, [B]: { after: 10, says: false }, [C]: { after: 60, says: true },
    });
    expect(winner).toBe(C);
  });

  it("has no winner when all fail, at once; or when all are silent, after a bounded time", async () => {
    const fails: Habit = { after: 3, says: "fails" };
    expect(await raced({ [A]: fails, [B]: fails, [C]: fails })).toMatchObject({ winner: null, took: 6 });
    expect(await raced({ [A]: "silent", [B]: "silent", [C]: "silent" })).toMatchObject({ winner: null, took: 5_000 });
  });
});

describe("the way to the sites", () => {
  function connected(habits: Record<string, number | "dead">, all = [A, B, C]) {
    const connection = new Connection(A, async (site) => {
      const habit = habits[site]!;
      if (habit === "dead") throw new TypeError("refused");
      return habit;
    }, TIMES);
    connection.know(all);
    return connection;
  }

  it("stays with an only site that answers, though it is not ready", async () => {
    const connection = connected({ [A]: 503 }, [A]);
    await connection.settle();
    expect([connection.current.value, connection.way.value]).toEqual([A, "well"]);
  });

  it("says that nobody answers, tries again by itself, and is well when somebody does", async () => {
    const habits: Record<string, number | "dead"> = { [A]: "dead", [B]: "dead", [C]: "dead" };
    const connection = connected(habits);
    const settled = connection.settle();
    await vi.advanceTimersByTimeAsync(100);
    expect(connection.way.value).toBe("lost");
    habits[B] = 200;
    await vi.advanceTimersByTimeAsync(2_000);
    await settled;
    expect([connection.current.value, connection.way.value]).toEqual([B, "well"]);
  });

  it("looks at once when the network is back, whatever the wait was", async () => {
    const habits: Record<string, number | "dead"> = { [A]: "dead", [B]: "dead", [C]: "dead" };
    const connection = connected(habits);
    void connection.settle();
    await vi.advanceTimersByTimeAsync(60_000);
    habits[A] = 200;
    connection.hurry();
    await vi.advanceTimersByTimeAsync(1);
    expect(connection.way.value).toBe("well");
  });
});

describe("a request over several sites", () => {
  /** Requests seen, as "METHOD url"; `dead` sites refuse, `hung` ones never answer, `barred` and `deaf` ones answer a look alone. */
  function town() {
    const seen: string[] = [];
    const dead = new Set<string>();
    const hung = new Set<string>();
    const barred = new Set<string>();
    const deaf = new Set<string>();
    const answers: (() => Response)[] = [];
    const connection = new Connection(A, async (site, over) => {
      if (dead.has(site)) throw new TypeError("refused");
      if (hung.has(site)) return new Promise<number>((_, reject) => over.addEventListener("abort", () => reject(over.reason)));
      return 200;
    }, TIMES);
    connection.know([A, B]);
    const plain: typeof fetch = async (input, init) => {
      seen.push(`${init?.method ?? "GET"} ${String(input)}`);
      const site = new URL(String(input)).origin;
      if (dead.has(site)) throw new TypeError("Failed to fetch");
      if (barred.has(site)) throw new TypeError("blocked by a policy");
      if (hung.has(site) || deaf.has(site)) {
        return new Promise((_, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal!.reason)));
      }
      return answers.shift()?.() ?? new Response(JSON.stringify({ from: site }));
    };
    const fetcher = siteFetcher({
      current: () => connection.current.peek(),
      isOurs: (origin) => connection.isOurs(origin),
      isFresh: (site) => connection.isFresh(site),
      settle: (over) => connection.settle(over),
      doubt: () => connection.doubt(),
      heard: (site) => connection.heard(site),
      busyUntil: (at) => (connection.busyUntil.value = at),
      onMove: (moved) => connection.onMove(moved),
    }, plain);
    return { seen, dead, hung, barred, deaf, answers, connection, fetcher };
  }
  const POLL = "/_matrix/client/v3/sync?since=s1&timeout=30000";
  const SEND = "/_matrix/client/v3/rooms/!r/send/m.room.message/t1";

  it("goes on at the other site, with the same address, when its own was killed", async () => {
    const { seen, dead, fetcher } = town();
    dead.add(A);
    const answer = await fetcher(A + POLL);
    expect(await answer.json()).toEqual({ from: B });
    expect(seen).toEqual([`GET ${A}${POLL}`, `GET ${B}${POLL}`]);
  });

  it("takes a poll that hangs along when the client moves", async () => {
    const { seen, hung, connection, fetcher } = town();
    hung.add(A);
    const polled = fetcher(A + POLL);
    await vi.advanceTimersByTimeAsync(100);
    void connection.settle();
    await vi.advanceTimersByTimeAsync(800);
    expect(await (await polled).json()).toEqual({ from: B });
    expect(seen).toEqual([`GET ${A}${POLL}`, `GET ${B}${POLL}`]);
  });

  it("repeats a send with its transaction id and body", async () => {
    const { seen, dead, fetcher } = town();
    dead.add(A);
    await fetcher(A + SEND, { method: "PUT", body: "{}" });
    expect(seen).toEqual([`PUT ${A}${SEND}`, `PUT ${B}${SEND}`]);
  });

  it("asks whether the site lives before what cannot be repeated, and never sends that twice", async () => {
    const { seen, dead, connection, fetcher } = town();
    dead.add(A);
    const create = "/_matrix/client/v3/createRoom";
    await fetcher(A + create, { method: "POST", body: "{}" });
    expect(seen).toEqual([`POST ${B}${create}`]);
    dead.add(B); // it was heard just now, so it is trusted, and dies
    await expect(fetcher(A + create, { method: "POST", body: "{}" })).rejects.toBeInstanceOf(SiteLost);
    expect(seen).toEqual([`POST ${B}${create}`, `POST ${B}${create}`]);
    expect(connection.current.value).toBe(B);
  });

  it("lets what cannot be repeated have a little longer at a site that is left", async () => {
    const { hung, connection, fetcher } = town();
    await fetcher(A + POLL);
    hung.add(A);
    const created = fetcher(`${A}/_matrix/client/v3/createRoom`, { method: "POST" }).catch((error: unknown) => error);
    void connection.settle();
    await vi.advanceTimersByTimeAsync(4_000);
    expect(connection.current.value).toBe(B);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await created).toBeInstanceOf(SiteLost);
  });

  it("honours Retry-After for a poll, for as long as it takes", async () => {
    const { seen, answers, connection, fetcher } = town();
    const busy = () => new Response("{}", { status: 429, headers: { "retry-after": "20" } });
    answers.push(busy, busy, busy, busy, busy);
    const polled = fetcher(A + POLL);
    await vi.advanceTimersByTimeAsync(19_000);
    expect(seen).toHaveLength(1);
    expect(connection.busyUntil.value - Date.now()).toBe(1_000);
    await vi.advanceTimersByTimeAsync(82_000);
    expect((await polled).status).toBe(200);
    expect(seen).toHaveLength(6);
  });

  it("gives a busy answer to a send back: the outbox decides", async () => {
    const { seen, answers, fetcher } = town();
    answers.push(() => new Response("{}", { status: 503 }));
    expect((await fetcher(A + SEND, { method: "PUT", body: "{}" })).status).toBe(503);
    expect(seen).toHaveLength(1);
  });

  it("gives up what fails at a living site again and again", async () => {
    const { seen, barred, fetcher } = town();
    barred.add(A);
    const failed = expect(fetcher(A + POLL)).rejects.toThrow("blocked by a policy");
    await vi.advanceTimersByTimeAsync(20_000);
    await failed;
    expect(seen).toHaveLength(4);
  });

  it("ends at once when its caller gives up", async () => {
    const { hung, fetcher } = town();
    hung.add(A);
    hung.add(B);
    const over = new AbortController();
    const polled = fetcher(A + POLL, { signal: over.signal }).catch((error: Error) => error.name);
    await vi.advanceTimersByTimeAsync(10);
    over.abort();
    expect(await polled).toBe("AbortError");
  });

  it("repeats a poll whose connection died without a word, though the site lives", async () => {
    const { seen, deaf, fetcher } = town();
    deaf.add(A);
    const polled = fetcher(A + POLL);
    await vi.advanceTimersByTimeAsync(44_000);
    expect(seen).toHaveLength(1);
    deaf.delete(A);
    await vi.advanceTimersByTimeAsync(3_000);
    expect((await polled).status).toBe(200);
    expect(seen).toEqual([`GET ${A}${POLL}`, `GET ${A}${POLL}`]);
  });

  it("gives up what a living site never answers: a read after one repeat, the rest without", async () => {
    const { seen, deaf, fetcher } = town();
    await fetcher(A + POLL);
    deaf.add(A);
    const page = "/_matrix/client/v3/rooms/!r/messages?dir=b";
    const begun = Date.now();
    const read = fetcher(A + page).catch(() => Date.now() - begun);
    const made = fetcher(`${A}/_matrix/client/v3/createRoom`, { method: "POST" }).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(await read).toBeLessThan(65_000);
    expect(await made).toBeInstanceOf(SiteLost);
    expect(seen.filter((each) => each.includes("/messages"))).toHaveLength(2);
    expect(seen.filter((each) => each.includes("/createRoom"))).toHaveLength(1);
  });

  it("waits for a slow answer as long as something comes, and no longer", async () => {
    const { seen, answers, fetcher } = town();
    const slow = (pieces: number, ends: boolean) => () =>
      new Response(new ReadableStream({
        async start(stream) {
          for (let n = 0; n < pieces; n++) {
            await new Promise((resolve) => setTimeout(resolve, 20_000));
            stream.enqueue(new TextEncoder().encode(String(n)));
          }
          if (ends) stream.close();
        },
      }));
    answers.push(slow(5, true));
    const whole = fetcher(`${A}/_matrix/client/v3/x`);
    await vi.advanceTimersByTimeAsync(110_000);
    expect(await (await whole).text()).toBe("01234");
    answers.push(slow(1, true));
    const media = await fetcher(`${A}/_matrix/client/v1/media/download/x/y`);
    const body = media.text();
    await vi.advanceTimersByTimeAsync(21_000);
    expect(await body).toBe("0");
    expect(seen).toHaveLength(2);
  });

  it("lets the page open with what it has kept, when nobody answers", async () => {
    const { dead, fetcher } = town();
    dead.add(A).add(B);
    const begun = Date.now();
    const failed = fetcher(`${A}/_matrix/client/versions`).catch(() => Date.now() - begun);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await failed).toBe(1_500);
  });

  it("leaves other people's addresses alone", async () => {
    const { seen, dead, fetcher } = town();
    dead.add("https://elsewhere.example");
    await expect(fetcher("https://elsewhere.example/x")).rejects.toThrow("Failed to fetch");
    expect(seen).toEqual(["GET https://elsewhere.example/x"]);
  });
});

describe("what may be repeated", () => {
  it.each([
    ["GET", "/sync", true],
    ["PUT", "/rooms/!r/send/m.room.message/t1", true],
    ["POST", "/keys/query", true],
    ["POST", "/rooms/!r/receipt/m.read/$e", true],
    ["POST", "/keys/claim", false],
    ["POST", "/createRoom", false],
    ["POST", "/login", false],
  ])("%s %s: %s", (method, path, repeatable) => {
    expect(isRepeatable(method, `/_matrix/client/v3${path}`)).toBe(repeatable);
  });

  it.each([
    [{ "retry-after": "7" }, "", 7_000],
    [{}, '{"retry_after_ms":1500}', 1_500],
    [{}, "<html>", null],
    [{ "retry-after": "soon" }, "{}", null],
  ])("Retry-After %j %s", async (headers, body, ms) => {
    expect(await retryAfter(new Response(body, { status: 429, headers: headers as Record<string, string> }))).toBe(ms);
  });
});

describe("the list of sites", () => {
  it("takes what is an address, once, and drops the rest", () => {
    const told = sitesTold({
      "org.bongsu.sites": [
        { name: "a", base_url: `${A}/` }, { name: "again", base_url: A }, { name: "x", base_url: "javascript:alert(1)" },
        { base_url: 7 }, null, "b",
      ],
    });
    expect(told).toEqual([{ name: "a", url: A }]);
    expect(sitesTold(null)).toEqual([]);
    expect(sitesTold({ "org.bongsu.sites": "a" })).toEqual([]);
  });

  it("begins with the page's own address, and never leaves https for http", () => {
    const told = [{ name: "b", url: B }, { name: "a", url: A }, { name: "plain", url: "http://c.example" }];
    expect(siteList(A, told)).toEqual([{ name: "a", url: A }, { name: "b", url: B }]);
    expect(siteList("https://all.example", told)[0]).toEqual({ name: "", url: "https://all.example" });
  });
});
