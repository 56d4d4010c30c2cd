/** What Exif says about a picture, as far as it matters here: which way is up, and where it was taken. TIFF 6.0, Exif 2.32. */

type Bytes = Uint8Array<ArrayBuffer>;

export const upright = 1;
const [ORIENTATION, GPS] = [0x0112, 0x8825]; // tags
const [SHORT, LONG] = [3, 4]; // types
const TYPE_BYTES = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8];
const ENTRY_BYTES = 12;
const ENTRIES_MAX = 512; // of a directory; beyond it is none

interface Directory {
  view: DataView;
  isLittle: boolean;
  /** Offsets of its entries. */
  entries: number[];
}

/** The orientation, 1 to 8, that this TIFF asks for; `upright` where it does not. */
export function upwards(tiff: Bytes): number {
  const first = directory(tiff);
  for (const at of first?.entries ?? []) {
    const { view, isLittle } = first!;
    if (view.getUint16(at, isLittle) !== ORIENTATION || view.getUint16(at + 2, isLittle) !== SHORT) continue;
    const up = view.getUint16(at + 8, isLittle);
    return up >= 1 && up <= 8 ? up : upright;
  }
  return upright;
}

/** A TIFF that says which way is up, and nothing else. */
export function exif(up: number): Bytes {
  const tiff = Uint8Array.of(0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, SHORT, 0, 0, 0, 1, 0, up, 0, 0, 0, 0, 0, 0);
  return tiff;
}

/** Wherever in a file there is a TIFF with a GPS directory, that directory says nothing any more. */
export function emptyPlaces(bytes: Bytes): void {
  for (const start of [0x49, 0x4d]) {
    for (let at = bytes.indexOf(start); at !== -1; at = bytes.indexOf(start, at + 1)) {
      const tiff = bytes.subarray(at);
      const first = isTiff(tiff) ? directory(tiff) : null;
      const place = first && placeIn(first);
      if (place) empty(tiff, place, first.isLittle);
    }
  }
}

function placeIn({ view, isLittle, entries }: Directory): number | null {
  const at = entries.find((each) => view.getUint16(each, isLittle) === GPS && view.getUint16(each + 2, isLittle) === LONG);
  return at === undefined ? null : view.getUint32(at + 8, isLittle);
}

function empty(tiff: Bytes, offset: number, isLittle: boolean): void {
  const found = directory(tiff, offset, isLittle);
  for (const at of found?.entries ?? []) {
    const bytes = (TYPE_BYTES[found!.view.getUint16(at + 2, isLittle)] ?? 0) * found!.view.getUint32(at + 4, isLittle);
    const value = found!.view.getUint32(at + 8, isLittle);
    if (bytes > 4 && value + bytes <= tiff.length) tiff.fill(0, value, value + bytes);
    tiff.fill(0, at + 8, at + ENTRY_BYTES);
  }
}

function isTiff(bytes: Bytes): boolean {
  const [a, b, c, d] = bytes;
  return (a === 0x49 && b === 0x49 && c === 42 && d === 0) || (a === 0x4d && b === 0x4d && c === 0 && d === 42);
}

/** The directory at `offset`, or the first of all; null where there is none. */
function directory(tiff: Bytes, offset?: number, isLittle = tiff[0] === 0x49): Directory | null {
  if (offset === undefined && !isTiff(tiff)) return null;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  if (view.byteLength < 8) return null;
  const start = offset ?? view.getUint32(4, isLittle);
  if (start + 2 > view.byteLength) return null;
  const count = view.getUint16(start, isLittle);
  const end = start + 2 + count * ENTRY_BYTES;
  if (count > ENTRIES_MAX || end > view.byteLength) return null;
  return { view, isLittle, entries: Array.from({ length: count }, (_, index) => start + 2 + index * ENTRY_BYTES) };
}
