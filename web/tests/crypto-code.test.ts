/** A code as one device shows it, read as the other reads it: every byte, whatever it is. */

import { encode } from "uqr";
import { expect, test } from "vitest";

import { bytesOfCode } from "../src/views/encryption/code-bytes";

const MODULE = 5; // pixels

/** The code as ui/qr-code.tsx makes it, seen by a camera that sees well. */
function photographed(bytes: readonly number[]) {
  const { data, size } = encode(bytes, { ecc: "M", border: 3 });
  const side = size * MODULE;
  const picture = { width: side, height: side, data: new Uint8ClampedArray(side * side * 4).fill(255) };
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      if (data[Math.floor(y / MODULE)]![Math.floor(x / MODULE)]) picture.data.fill(0, (y * side + x) * 4, (y * side + x) * 4 + 3);
    }
  }
  return picture;
}

test("every byte comes through", () => {
  const bytes = [...new TextEncoder().encode("MATRIX"), 2, 0, ...Array.from({ length: 120 }, (_, at) => (at * 89) % 256)];
  expect([...bytesOfCode(photographed(bytes))!]).toEqual(bytes);
});

test("a picture without a code says nothing", () => {
  expect(bytesOfCode({ width: 64, height: 64, data: new Uint8ClampedArray(64 * 64 * 4).fill(200) })).toBe(null);
});
