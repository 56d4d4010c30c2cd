import { expect, it, vi } from "vitest";

const forbidden = { get localStorage(): Storage { throw new Error("SecurityError"); }, sessionStorage: {} as Storage };
vi.stubGlobal("window", forbidden);
const { isForbidden, storageInMemory } = await import("../src/forbidden-storage");

it("stands in for what a browser forbids, and for nothing else", () => {
  expect([isForbidden("localStorage"), isForbidden("sessionStorage")]).toEqual([false, false]);
  expect(forbidden.localStorage.getItem("a")).toBeNull();
});

it("is as Storage is", () => {
  const storage = storageInMemory();
  storage.setItem("a", "1");
  storage.setItem("toString", "2");
  expect([storage.getItem("a"), storage.getItem("none"), storage.length, storage.key(1), Object.keys(storage)]).toEqual(["1", null, 2, "toString", ["a", "toString"]]);
  storage.removeItem("a");
  expect(storage.length).toBe(1);
  storage.clear();
  expect([storage.length, storageInMemory().length]).toEqual([0, 0]);
});
