/** The viewer's own receipts: told once for the newest seen, in the order of the room, until the server has them. */

import { signal } from "@preact/signals";
import { HTTPError, MatrixEvent } from "matrix-js-sdk";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

const server = vi.hoisted(() => ({ said: [] as string[], faults: [] as (Error | null)[] }));
const started = signal(true);
vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
vi.stubGlobal("document", { visibilityState: "visible" });
vi.stubGlobal("window", globalThis);
vi.mock("../src/matrix/client", () => ({
  get started() {
    return started;
  },
  onClient: () => undefined,
  matrix: () => ({
    getSafeUserId: () => "@me:x",
    http: {
      authedRequest: async (_: string, path: string) => {
        const fault = server.faults.shift();
        if (fault) throw fault;
        server.said.push(decodeURIComponent(path));
      },
    },
  }),
}));

const { seen } = await import("../src/matrix/receipts");

beforeEach(() => {
  vi.useFakeTimers();
  server.said.length = server.faults.length = 0;
  started.value = false;
  started.value = true;
});
afterEach(() => vi.useRealTimers());

const said = (id: string, at: number) => new MatrixEvent({ event_id: id, room_id: "!r", sender: "@a:x", type: "m.room.message", content: {}, origin_server_ts: at });
const receipts = () => server.said.filter((path) => path.includes("/receipt/")).map((path) => path.split("/").at(-1));
const inOrder = (...ids: string[]) => (event: MatrixEvent) => (other: string) => ids.indexOf(event.getId()!) > ids.indexOf(other);

it("tells the newest of what was seen meanwhile, and nothing twice", async () => {
  for (const event of [said("$1", 10), said("$2", 20), said("$1", 10)]) seen("!r", event);
  await vi.runAllTimersAsync();
  seen("!r", said("$2", 20));
  await vi.runAllTimersAsync();
  expect(receipts()).toEqual(["$2"]);
});

it("goes by the order of the room: messages of one moment, or of a server whose clock is behind", async () => {
  const isBehind = inOrder("$1", "$2", "$3");
  for (const event of [said("$1", 10), said("$2", 10), said("$3", 5)]) {
    seen("!r", event, "main", isBehind(event));
    await vi.runAllTimersAsync();
  }
  const older = said("$2", 10);
  seen("!r", older, "main", isBehind(older));
  await vi.runAllTimersAsync();
  expect(receipts()).toEqual(["$1", "$2", "$3"]);
});

it("is told again by itself when the server is busy, but not what it refuses", async () => {
  server.faults.push(new HTTPError("busy", 503), new TypeError("Failed to fetch"));
  seen("!r", said("$1", 10));
  await vi.runAllTimersAsync();
  expect(receipts()).toEqual(["$1"]);
  server.faults.push(new HTTPError("left", 403));
  seen("!r", said("$2", 20));
  await vi.runAllTimersAsync();
  expect(receipts()).toEqual(["$1"]);
});

it("gives a server that never takes it up after a while, and at once when the session is over", async () => {
  server.faults.push(...Array.from({ length: 100 }, () => new HTTPError("busy", 503)));
  seen("!r", said("$1", 10));
  await vi.runAllTimersAsync();
  expect(server.faults.length).toBeGreaterThan(50);
  server.faults.length = 0;
  seen("!r", said("$1", 10)); // the next look
  started.value = false;
  await vi.runAllTimersAsync();
  expect(receipts()).toEqual([]);
});
