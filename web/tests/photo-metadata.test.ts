import { expect, test } from "vitest";

import { exif, upwards } from "../src/matrix/photo-exif";
import { stripped, withoutMetadata } from "../src/matrix/photo-metadata";

type Bytes = Uint8Array<ArrayBuffer>;

const bytes = (...parts: (string | number[] | Uint8Array)[]): Bytes =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === "string" ? [...part].map((sign) => sign.charCodeAt(0)) : [...part])));
const latin = (all: Bytes[]) => String.fromCharCode(...all.flatMap((part) => [...part]));
const segment = (marker: number, data: Bytes) => bytes([0xff, marker, (data.length + 2) >> 8, (data.length + 2) & 255], data);

/** A TIFF as cameras write it: turned, and taken in "Seoul", whose latitude is 8 bytes elsewhere in it. */
function tiff(isLittle: boolean, up = 6): Bytes {
  const view = new DataView(new ArrayBuffer(96));
  view.setUint16(0, isLittle ? 0x4949 : 0x4d4d);
  view.setUint16(2, 42, isLittle);
  view.setUint32(4, 8, isLittle);
  const entry = (at: number, tag: number, type: number, count: number, value: number) => {
    view.setUint16(at, tag, isLittle);
    view.setUint16(at + 2, type, isLittle);
    view.setUint32(at + 4, count, isLittle);
    if (type === 3) view.setUint16(at + 8, value, isLittle);
    else view.setUint32(at + 8, value, isLittle);
  };
  view.setUint16(8, 2, isLittle);
  entry(10, 0x0112, 3, 1, up);
  entry(22, 0x8825, 4, 1, 40);
  view.setUint16(40, 1, isLittle);
  entry(42, 2, 2, 8, 64);
  new Uint8Array(view.buffer).set(bytes("SEOUL37N"), 64);
  return new Uint8Array(view.buffer);
}

const SCAN = bytes([1, 2, 0xff, 0, 3, 0xff, 0xd0, 4]);
const body = bytes(segment(0xdb, bytes("table")), segment(0xda, bytes("scan")), SCAN, [0xff, 0xd9]);
const jfif = segment(0xe0, bytes("JFIF\0"));
const icc = segment(0xe2, bytes("ICC_PROFILE\0colours"));
const photo = (up = 6) =>
  bytes([0xff, 0xd8], jfif, segment(0xe1, bytes("Exif\0\0", tiff(false, up))), segment(0xe1, bytes("http://ns.adobe.com/xap/1.0/\0SEOUL37N")),
    icc, segment(0xe2, bytes("MPF\0SEOUL37N")), segment(0xed, bytes("Photoshop SEOUL37N")), segment(0xfe, bytes("SEOUL37N")), body, "a film of SEOUL37N");

test("a JPEG keeps its pixels, its colours and which way is up, and nothing else", () => {
  const turned = bytes([0xff, 0xd8], segment(0xe1, bytes("Exif\0\0", exif(6))), jfif, icc, body);
  expect(latin(stripped(photo()))).toBe(latin([turned]));
  expect(latin(stripped(photo(1)))).toBe(latin([bytes([0xff, 0xd8], jfif, icc, body)]));
});

test("a JPEG that was cut off keeps what there is of it", () => {
  const whole = photo();
  const cut = whole.slice(0, whole.length - 25);
  const left = latin(stripped(cut));
  expect(left).not.toContain("SEOUL");
  expect(left).toContain("scan");
});

test("which way is up is read in both byte orders; nonsense is upright", () => {
  for (const isLittle of [true, false]) for (let up = 1; up <= 8; up++) expect(upwards(tiff(isLittle, up))).toBe(up);
  for (let up = 1; up <= 8; up++) expect(upwards(exif(up))).toBe(up);
  expect([tiff(true, 9), tiff(true, 0), bytes("II"), bytes("II*\0\xff\xff\xff\xff"), bytes([])].map(upwards)).toEqual([1, 1, 1, 1, 1]);
});

test("a PNG and a WebP too", () => {
  const chunk = (kind: string, data: Bytes) => bytes([0, 0, 0, data.length], kind, data, "crc!");
  const head = "\x89PNG\r\n\x1a\n";
  const png = (...middle: Bytes[]) => bytes(head, chunk("IHDR", bytes("size")), ...middle, chunk("IDAT", bytes("pixels")), chunk("IEND", bytes()));
  const dirty = png(chunk("eXIf", tiff(true)), chunk("tEXt", bytes("SEOUL37N")), chunk("iTXt", bytes("SEOUL37N")), chunk("odDd", bytes("SEOUL37N")));
  const left = latin(stripped(bytes(dirty, "SEOUL37N")));
  expect(left).not.toContain("SEOUL");
  expect(left.replace(/....eXIf.{26}..../s, "")).toBe(latin([png()]));

  const part = (kind: string, data: Bytes) => bytes(kind, [data.length, 0, 0, 0], data);
  const webp = (flags: number, ...last: Bytes[]) => {
    const all = bytes("WEBP", part("VP8X", bytes([flags, 0, 0, 0])), part("VP8 ", bytes("pixels")), ...last);
    return bytes("RIFF", [all.length, 0, 0, 0], all);
  };
  expect(latin(stripped(webp(0x0c, part("EXIF", tiff(true)), part("XMP ", bytes("SEOUL37N")))))).toBe(
    latin([webp(0x08, part("EXIF", exif(6)))]),
  );
  expect(latin(stripped(webp(0x0c, part("EXIF", bytes("Exif\0\0", tiff(true, 1))))))).toBe(latin([webp(0)]));
});

test("where a file cannot be followed, the place alone is emptied", () => {
  for (const isLittle of [true, false]) {
    const heic = bytes("\0\0\0\x18ftypheic", "Exif\0\0", tiff(isLittle), "pixels");
    const left = latin(stripped(heic.slice()));
    expect(left).not.toContain("SEOUL");
    expect(left.length).toBe(heic.length);
    expect(left).toContain("pixels");
    expect(latin(stripped(bytes([0xff, 0xd8, 0xff], "??", tiff(isLittle))))).not.toContain("SEOUL");
  }
});

test("whatever is broken about it, it ends, and says no place that was found", () => {
  let seed = 7;
  const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
  for (let turn = 0; turn < 300; turn++) {
    const broken = photo().slice(0, 2 + random(photo().length));
    for (let changes = random(4); changes > 0; changes--) broken[2 + random(broken.length - 2)] = random(256);
    expect(latin(stripped(broken)).length).toBeLessThanOrEqual(broken.length + 40);
  }
});

test("only pictures are looked into", async () => {
  const film = new File([photo()], "a.mp4", { type: "video/mp4" });
  expect(await withoutMetadata(film)).toBe(film);
  const clean = await withoutMetadata(new File([photo()], "봄.jpg", { type: "image/jpeg" }));
  expect([clean.name, clean.type]).toEqual(["봄.jpg", "image/jpeg"]);
  expect(await clean.text()).not.toContain("SEOUL");
});
