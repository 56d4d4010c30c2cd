import { beforeAll, expect, test, vi } from "vitest";

import type { Place } from "../src/router";

let router: typeof import("../src/router");
beforeAll(async () => {
  vi.stubGlobal("location", { hash: "" });
  vi.stubGlobal("addEventListener", () => undefined);
  router = await import("../src/router");
});

const places: Place[] = [
  { view: "rooms" },
  { view: "room", roomId: "!a/b?c#d%:example.org" },
  { view: "room", roomId: "!r:x", eventId: "$e/+=", thread: "$t" },
  { view: "join", target: "#점심:example.org", via: ["a.example", "b.example:8448"] },
  { view: "people" },
  { view: "new" },
  { view: "outages" },
  { view: "settings" },
  { view: "settings", part: "encryption" },
];

test.each(places)("an address leads back to its place: $view", (place) => {
  expect(router.parse(router.address(place))).toEqual(place);
});

test.each(["", "#", "#/", "#/nowhere", "#/room", "#/room/", "#/join/", "#//"])("%j leads to the list", (hash) => {
  expect(router.parse(hash)).toEqual({ view: "rooms" });
});

test("half an escape is taken as it stands", () => {
  expect(router.parse("#/room/%E0%A4%A")).toEqual({ view: "room", roomId: "%E0%A4%A" });
});
