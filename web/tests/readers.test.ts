/** The number beside each message, against counting person by person. */

import { describe, expect, it } from "vitest";

import { type Audience, MAIN, type Placed, type Receipt, unreadCounts } from "../src/matrix/readers";

const VIEWER = "@viewer:x";

/** The rules said again, slowly: for each message ask each person. */
function oneByOne(events: Placed[], scope: string, audience: Audience, receipts: Receipt[], elsewhere: (r: Receipt) => number): number[] {
  const place = (id: string) => events.findIndex((event) => event.id === id);
  const hasRead = (userId: string, at: number) =>
    events.some((event, n) => n >= at && event.sender === userId && event.scope === scope) ||
    receipts.some((receipt) => {
      if (receipt.userId !== userId || (receipt.scope !== undefined && receipt.scope !== scope)) return false;
      const where = place(receipt.eventId);
      return (where === -1 ? elsewhere(receipt) : where) >= at;
    });
  const speaks = (userId: string) =>
    events.some((event) => event.sender === userId && event.scope === scope) ||
    receipts.some((receipt) => receipt.userId === userId && (receipt.scope === undefined || receipt.scope === scope));
  const everybody = new Set([...receipts.map((r) => r.userId), ...events.flatMap((e) => (e.sender ? [e.sender] : []))]);
  const strangers = [...everybody].filter((id) => id !== VIEWER && !audience.members.has(id) && !audience.gone.has(id) && speaks(id));
  const named = [...audience.members.keys()].filter((id) => id !== VIEWER);
  const silent = Math.max(0, audience.joined - 1 - named.length - strangers.length);
  return events.map((_, at) => {
    const wasThere = (id: string) => {
      const since = audience.members.get(id)!;
      return since <= 0 || events.slice(0, at + 1).some((event) => event.at >= since);
    };
    const waiting = named.filter((id) => wasThere(id) && !hasRead(id, at));
    return waiting.length + strangers.filter((id) => !hasRead(id, at)).length + silent;
  });
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function scene(seed: number) {
  const random = seeded(seed);
  const upTo = (n: number) => Math.floor(random() * n);
  const people = [VIEWER, ...Array.from({ length: 6 }, (_, n) => `@p${n}:x`)];
  const scopes = [MAIN, "$root"];
  const events = Array.from({ length: upTo(14) }, (_, n): Placed => ({
    id: `$${n}`,
    sender: random() < 0.3 ? null : people[upTo(people.length)]!,
    at: 100 + n * 10 + upTo(30) - 15, // clocks differ
    scope: scopes[upTo(2)]!,
  }));
  const receipts = Array.from({ length: upTo(10) }, (): Receipt => ({
    userId: people[upTo(people.length)]!,
    eventId: `$${upTo(18)}`, // some are of events elsewhere
    at: 90 + upTo(160),
    scope: [undefined, MAIN, "$root"][upTo(3)],
  }));
  const members = new Map<string, number>();
  const gone = new Set<string>();
  for (const id of people) {
    const fate = random();
    if (fate < 0.6) members.set(id, random() < 0.5 ? 0 : 90 + upTo(180));
    else if (fate < 0.75) gone.add(id);
  }
  return { events, receipts, audience: { viewer: VIEWER, joined: members.size + upTo(4), members, gone }, scope: scopes[upTo(2)]! };
}

describe("unreadCounts", () => {
  it("counts as one who asks everybody about every message", () => {
    for (let seed = 1; seed <= 3_000; seed++) {
      const { events, receipts, audience, scope } = scene(seed);
      const elsewhere = (receipt: Receipt) => events.findLastIndex((event) => event.at <= receipt.at);
      const counted = unreadCounts(events, scope, audience, receipts, elsewhere);
      expect(counted, `seed ${seed}`).toEqual(oneByOne(events, scope, audience, receipts, elsewhere));
    }
  });

  const said: Placed[] = [1, 2, 3].map((n) => ({ id: `$${n}`, sender: VIEWER, at: n * 10, scope: MAIN }));
  const members = new Map([[VIEWER, 0], ["@a:x", 0], ["@b:x", 0]]);
  const audience = { viewer: VIEWER, joined: 3, members, gone: new Set<string>() };
  const count = (receipts: Receipt[], more: Partial<Audience> = {}) =>
    unreadCounts(said, MAIN, { ...audience, ...more }, receipts, () => -1);

  it("falls as people read", () => {
    expect(count([])).toEqual([2, 2, 2]);
    expect(count([{ userId: "@a:x", eventId: "$2", at: 1 }])).toEqual([1, 1, 2]);
    expect(count([{ userId: "@a:x", eventId: "$3", at: 1 }, { userId: "@b:x", eventId: "$3", at: 1 }])).toEqual([0, 0, 0]);
  });

  it("takes the joined number for members not loaded, and lets their receipts count", () => {
    const few = { joined: 10, members: new Map([[VIEWER, 0]]) };
    expect(count([], few)).toEqual([9, 9, 9]);
    expect(count([{ userId: "@unknown:x", eventId: "$2", at: 1 }], few)).toEqual([8, 8, 9]);
  });

  it("waits neither for those who left nor for those who came later", () => {
    const left = { joined: 2, members: new Map([[VIEWER, 0], ["@a:x", 0]]), gone: new Set(["@b:x"]) };
    expect(count([{ userId: "@b:x", eventId: "$1", at: 1 }], left)).toEqual([1, 1, 1]);
    expect(count([], { members: new Map([[VIEWER, 0], ["@a:x", 0], ["@b:x", 15]]) })).toEqual([1, 2, 2]);
  });

  it("keeps receipts of a thread out of the room", () => {
    expect(count([{ userId: "@a:x", eventId: "$3", at: 1, scope: "$root" }])).toEqual([2, 2, 2]);
  });
});
