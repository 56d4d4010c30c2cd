/** A code as one device shows it, read as the other reads it: every byte, whatever it is. */

import { expect, test } from "vitest";

import { modules } from "../src/ui/qr-modules";
import { bytesOfCode } from "../src/views/encryption/code-bytes";

const MODULE = 5; // pixels

/** The code as it is drawn, seen by a camera that sees well. */
function photographed(content: string | readonly number[]) {
  const code = modules(content);
  const side = code.length * MODULE;
  const picture = { width: side, height: side, data: new Uint8ClampedArray(side * side * 4).fill(255) };
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      if (code[Math.floor(y / MODULE)]![Math.floor(x / MODULE)]) picture.data.fill(0, (y * side + x) * 4, (y * side + x) * 4 + 3);
    }
  }
  return picture;
}

test("every byte comes through", () => {
  const bytes = [...new TextEncoder().encode("MATRIX"), 2, 0, ...Array.from({ length: 120 }, (_, at) => (at * 89) % 256)];
  expect([...bytesOfCode(photographed(bytes))!]).toEqual(bytes);
});

test("every value of a byte does", () => {
  const bytes = Array.from({ length: 256 }, (_, at) => at);
  expect([...bytesOfCode(photographed(bytes))!]).toEqual(bytes);
});

/** "bongsu" as the library uqr draws it: what reads our codes need not be made of the same cloth. */
const OTHERS = `
#######.###...#######
#.....#.##.##.#.....#
#.###.#.###...#.###.#
#.###.#..##...#.###.#
#.###.#.###.#.#.###.#
#.....#....##.#.....#
#######.#.#.#.#######
..........###........
#..#######..##..#.###
######..#.#.#.#.##...
####..##..#..##.#..##
#...#..#...#......#.#
##.#.###.##...#..#.##
........#.###....#.#.
#######.###.#####....
#.....#.#..###.####..
#.###.#.#.###.#..#.##
#.###.#.#####..#..#..
#.###.#.......#.#..##
#.....#...#..########
#######.####...###...`;

test("a code is drawn as others draw it, module for module", () => {
  const inner = modules("bongsu").slice(3, -3).map((line) => line.slice(3, -3));
  expect(inner.map((line) => line.map((isDark) => (isDark ? "#" : ".")).join("")).join("\n")).toBe(OTHERS.trim());
});

test("an address comes through", () => {
  const text = `http://127.0.0.1:8008/#/join/${encodeURIComponent("!room:한국.example")}?via=x.org&by=봉수`;
  expect([...bytesOfCode(photographed(text))!]).toEqual([...new TextEncoder().encode(text)]);
});

test("a picture without a code says nothing", () => {
  expect(bytesOfCode({ width: 64, height: 64, data: new Uint8ClampedArray(64 * 64 * 4).fill(200) })).toBe(null);
});
