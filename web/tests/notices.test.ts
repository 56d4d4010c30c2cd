import { describe, expect, it } from "vitest";

import { type Circumstances, lineOf } from "../src/views/notices-line";

const WELL: Circumstances = { way: "well", online: true, busyUntil: 0, saidUntil: 0, now: 100_000 };

describe("the line over everything", () => {
  it.each<[string, Partial<Circumstances>, string | undefined]>([
    ["nothing while all is well", {}, undefined],
    ["nothing because a browser believes to be offline while a site answers", { online: false }, undefined],
    ["that another site is looked for", { way: "moving", busyUntil: 200_000 }, "moving"],
    ["that nobody answers", { way: "lost" }, "lost"],
    ["that one is offline", { way: "lost", online: false }, "offline"],
    ["that the server is busy", { busyUntil: 110_000 }, "busy"],
    ["nothing of a wait that is over before it is read", { busyUntil: 101_000 }, undefined],
    ["for a while that the client has moved", { saidUntil: 101_000 }, "moved"],
    ["not for ever", { saidUntil: 100_000 }, undefined],
  ])("says %s", (_, circumstances, kind) => {
    expect(lineOf({ ...WELL, ...circumstances })?.kind).toBe(kind);
  });
});
