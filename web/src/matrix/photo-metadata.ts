/**
 * Photos without what cameras write into them: where they were taken, when, with which camera, by whom. Nothing is
 * decoded or drawn anew: the pixels stay as they are, with the colour profile and which way is up.
 *
 * JPEG, PNG and WebP keep only the parts that make the picture, so what nobody has heard of yet goes too. In others
 * (HEIC, AVIF, TIFF), and where a file cannot be followed, every GPS directory that is found is emptied in its place.
 */

import { emptyPlaces, exif, upright, upwards } from "./photo-exif";

type Bytes = Uint8Array<ArrayBuffer>;

/** The file cannot be followed to its end. */
class Malformed extends Error {}

/** Throws what the browser throws when the file is no longer there. */
export async function withoutMetadata(file: File): Promise<File> {
  if (!file.type.startsWith("image/")) return file;
  const bytes = new Uint8Array(await file.arrayBuffer());
  return new File(stripped(bytes), file.name, { type: file.type });
}

/** The parts that are left, in order. `bytes` may be written into. */
export function stripped(bytes: Bytes): Bytes[] {
  try {
    if (starts(bytes, 0, "\xff\xd8\xff")) return jpeg(bytes);
    if (starts(bytes, 0, "\x89PNG\r\n\x1a\n")) return png(bytes);
    if (starts(bytes, 0, "RIFF") && starts(bytes, 8, "WEBP")) return webp(bytes);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
  }
  emptyPlaces(bytes);
  return [bytes];
}

const [SOS, EOI, APP0, APP1, APP2, APP14, APP15, COM] = [0xda, 0xd9, 0xe0, 0xe1, 0xe2, 0xee, 0xef, 0xfe];

/** What follows the end is no part of it: other pictures with their own metadata, films of motion photos. */
function jpeg(bytes: Bytes): Bytes[] {
  const kept = [bytes.subarray(0, 2)];
  let up = upright;
  for (let at = 2; ; ) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at++; // filling
    const marker = bytes[at] === 0xff ? bytes[at + 1] : undefined;
    if (marker === undefined) throw new Malformed();
    if (marker === EOI) {
      kept.push(bytes.subarray(at, at + 2));
      break;
    }
    const end = at + 2 + two(bytes, at + 2);
    if (end < at + 4 || end > bytes.length) throw new Malformed();
    if (marker === APP1 && up === upright && starts(bytes, at + 4, "Exif\0\0")) up = upwards(bytes.subarray(at + 10, end));
    if (makesJpeg(bytes, at, marker)) kept.push(bytes.subarray(at, end));
    at = end;
    if (marker !== SOS) continue;
    at = endOfScan(bytes, end);
    kept.push(bytes.subarray(end, at));
    if (at === bytes.length) break; // cut off: what there is of it is shown
  }
  if (up !== upright) kept.splice(1, 0, segment(APP1, text("Exif\0\0"), exif(up)));
  return kept;
}

function makesJpeg(bytes: Bytes, at: number, marker: number): boolean {
  if (marker === APP0) return starts(bytes, at + 4, "JFIF\0");
  if (marker === APP2) return starts(bytes, at + 4, "ICC_PROFILE\0");
  if (marker === APP14) return starts(bytes, at + 4, "Adobe"); // says how colours are written
  return !(marker >= APP0 && marker <= APP15) && marker !== COM;
}

function endOfScan(bytes: Bytes, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at !== -1; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1];
    const isWithin = next === 0x00 || next === 0xff || (next !== undefined && next >= 0xd0 && next <= 0xd7);
    if (next !== undefined && !isWithin) return at;
  }
  return bytes.length;
}

function segment(marker: number, ...parts: Bytes[]): Bytes {
  const length = 2 + parts.reduce((sum, part) => sum + part.length, 0);
  return joined(Uint8Array.of(0xff, marker, length >> 8, length & 0xff), ...parts);
}

const PNG_KEPT = new Set([
  "IHDR", "PLTE", "IDAT", "IEND", "tRNS", "cHRM", "gAMA", "iCCP", "sBIT", "sRGB", "cICP", "mDCV", "cLLI", "bKGD", "pHYs", "sPLT",
  "acTL", "fcTL", "fdAT", // that it moves
]);

function png(bytes: Bytes): Bytes[] {
  const kept = [bytes.subarray(0, 8)];
  for (let at = 8; ; ) {
    const end = at + 12 + four(bytes, at);
    if (!(end <= bytes.length)) throw new Malformed();
    const kind = name(bytes, at + 4);
    if (kind === "eXIf") {
      const up = upwards(bytes.subarray(at + 8, end - 4));
      if (up !== upright) kept.push(chunk("eXIf", exif(up)));
    }
    if (PNG_KEPT.has(kind)) kept.push(bytes.subarray(at, end));
    if (kind === "IEND") return kept;
    at = end;
  }
}

function chunk(kind: string, data: Bytes): Bytes {
  const summed = joined(text(kind), data);
  return joined(word(data.length), summed, word(crc32(summed)));
}

function crc32(bytes: Bytes): number {
  let sum = ~0;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

const WEBP_KEPT = new Set(["VP8 ", "VP8L", "VP8X", "ALPH", "ANIM", "ANMF", "ICCP"]);
const [HAS_XMP, HAS_EXIF] = [0x04, 0x08]; // among the flags of VP8X

function webp(bytes: Bytes): Bytes[] {
  const kept: Bytes[] = [];
  const stop = Math.min(bytes.length, 8 + four(bytes, 4, true));
  let flags: Bytes | null = null;
  let up = upright;
  for (let at = 12; at < stop; ) {
    const size = four(bytes, at + 4, true);
    const end = at + 8 + size + (size % 2);
    if (!(end <= stop)) throw new Malformed();
    const kind = name(bytes, at);
    const part = bytes.slice(at, end);
    if (kind === "VP8X") flags = part;
    if (kind === "EXIF") up = upwards(part.subarray(starts(part, 8, "Exif\0\0") ? 14 : 8));
    if (WEBP_KEPT.has(kind)) kept.push(part);
    at = end;
  }
  if (flags) flags[8]! &= ~(HAS_XMP | HAS_EXIF);
  if (flags && up !== upright) {
    flags[8]! |= HAS_EXIF;
    kept.push(joined(text("EXIF"), word(exif(up).length, true), exif(up)));
  }
  const length = 4 + kept.reduce((sum, part) => sum + part.length, 0);
  return [text("RIFF"), word(length, true), text("WEBP"), ...kept];
}

function starts(bytes: Bytes, at: number, with_: string): boolean {
  return [...with_].every((sign, index) => bytes[at + index] === sign.charCodeAt(0));
}

function name(bytes: Bytes, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

/** NaN beyond the end. */
function two(bytes: Bytes, at: number): number {
  return bytes[at]! * 256 + bytes[at + 1]!;
}

function four(bytes: Bytes, at: number, isLittle = false): number {
  const four = [bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!];
  return (isLittle ? four.reverse() : four).reduce((sum, byte) => sum * 256 + byte, 0);
}

function word(value: number, isLittle = false): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, isLittle);
  return bytes;
}

function text(signs: string): Bytes {
  return Uint8Array.from(signs, (sign) => sign.charCodeAt(0));
}

function joined(...parts: Bytes[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
