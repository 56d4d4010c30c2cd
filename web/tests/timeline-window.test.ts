/** The stretch of history that a timeline holds: no event twice, none out of place, whatever comes and goes. */

import { describe, expect, it } from "vitest";

import { EventWindow } from "../src/matrix/timeline/window";

class Said {
  constructor(private readonly id: string) {}
  getId() {
    return this.id;
  }
}
const said = (...numbers: number[]) => numbers.map((n) => new Said(`$${n}`));
const ids = (window: EventWindow<Said>) => window.events.map((event) => event.getId());

describe("EventWindow", () => {
  it("grows at both ends and leaves out what it has", () => {
    const window = new EventWindow<Said>();
    window.reset(said(4, 5), "b4", null, true);
    expect(window.prepend(said(2, 3, 4), "b2")).toBe(2);
    expect(window.append(said(5, 6, 6), null)).toBe(1);
    expect(ids(window)).toEqual(["$2", "$3", "$4", "$5", "$6"]);
    expect([window.back, window.forward, window.live]).toEqual(["b2", null, true]);
    expect(window.events.map((event) => window.indexOf(event.getId()))).toEqual([0, 1, 2, 3, 4]);
  });

  it("forgets tokens with the ends that it lets go", () => {
    const window = new EventWindow<Said>();
    window.reset(said(1, 2, 3, 4, 5), "b1", null, true);
    expect(window.trim(3, "start").map((event) => event.getId())).toEqual(["$1", "$2"]);
    expect([window.back, window.live, window.has("$1")]).toEqual([undefined, true, false]);
    window.trim(2, "end");
    expect([window.forward, window.live, ids(window)]).toEqual([undefined, false, ["$3", "$4"]]);
    expect(window.get("$4")?.getId()).toBe("$4");
    expect(window.get("$5")).toBeUndefined();
  });

  it("agrees with a plain list through a thousand steps", () => {
    const window = new EventWindow<Said>();
    let list: number[] = [0];
    let state = 7;
    const random = (n: number) => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 8) % n;
    window.reset(said(0), "b", null, true);
    for (let step = 0; step < 1_000; step++) {
      const count = random(4);
      const [first, last] = [list[0] ?? 0, list.at(-1) ?? -1];
      if (random(2)) {
        const older = Array.from({ length: count }, (_, n) => first - count + n);
        window.prepend(said(...older, ...list.slice(0, 1)), "b");
        list = [...older, ...list];
      } else {
        const newer = Array.from({ length: count }, (_, n) => last + 1 + n);
        window.append(said(...list.slice(-1), ...newer), "f");
        list = [...list, ...newer];
      }
      if (list.length > 12) {
        const side = random(2) ? "start" : "end";
        window.trim(8, side);
        list = side === "start" ? list.slice(-8) : list.slice(0, 8);
      }
      expect(ids(window)).toEqual(list.map((n) => `$${n}`));
      expect(list.map((n) => window.indexOf(`$${n}`))).toEqual(list.map((_, n) => n));
    }
  });
});
