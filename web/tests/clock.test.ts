import { expect, test, vi } from "vitest";

vi.stubGlobal("location", { origin: "https://a.example", hash: "" });
vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });

const { ahead } = await import("../src/matrix/clock");

test("the middle of the request is set against the server's time", () => {
  const date = "Thu, 26 Nov 2026 05:00:00 GMT";
  const theirs = Date.parse(date);
  expect(ahead(theirs - 100, theirs + 300, date)).toBe(100);
  expect(ahead(theirs - 3_600_000, theirs - 3_600_000, date)).toBe(-3_600_000);
});

test("without a time there is nothing to say", () => {
  expect(ahead(1, 2, null)).toBeNull();
  expect(ahead(1, 2, "some day")).toBeNull();
});
