/** The boxes that MP4, QuickTime and 3GPP files are made of, and where the samples of a track lie. ISO/IEC 14496-12. */

export type Bytes = Uint8Array<ArrayBuffer>;
export type Range = readonly [from: number, to: number];

/** The file cannot be followed. */
export class Malformed extends Error {}

export const BOX_BYTES_MIN = 8; // its size and its type
export const HEADER_BYTES_MAX = 16; // with a size of 64 bits

/** Offsets into the bytes it was read from. */
export interface Box {
  type: string;
  start: number;
  body: number;
  end: number; // may be beyond what there is
}

/** The box at `start`, in something that ends at `limit`; null where none can begin. */
export function boxAt(bytes: Bytes, start: number, limit: number): Box | null {
  if (start + BOX_BYTES_MIN > bytes.length) return null;
  const type = nameAt(bytes, start + 4);
  const size = four(bytes, start);
  if (size === 0) return { type, start, body: start + BOX_BYTES_MIN, end: limit };
  if (size !== 1) return size < BOX_BYTES_MIN ? null : { type, start, body: start + BOX_BYTES_MIN, end: start + size };
  const long = start + HEADER_BYTES_MAX > bytes.length ? 0 : eight(bytes, start + 8);
  return long < HEADER_BYTES_MAX ? null : { type, start, body: start + HEADER_BYTES_MAX, end: start + long };
}

/** The boxes in a box, one after the other. Throws Malformed. */
export function* boxesIn(bytes: Bytes, { body, end }: Box): Generator<Box> {
  for (let at = body; at + BOX_BYTES_MIN <= end; ) {
    const box = boxAt(bytes, at, end);
    if (!box || box.end > end) throw new Malformed("a box that is larger than what it is in");
    yield box;
    at = box.end;
  }
}

/** The box that is reached by this way; undefined where there is none. */
export function within(bytes: Bytes, box: Box, ...way: string[]): Box | undefined {
  let here: Box | undefined = box;
  for (const type of way) here = here && childOf(bytes, here, type);
  return here;
}

function childOf(bytes: Bytes, parent: Box, type: string): Box | undefined {
  for (const box of boxesIn(bytes, parent)) if (box.type === type) return box;
  return undefined;
}

/** Where in the file a track's samples are, chunk by chunk (8.7). Throws Malformed. */
export function* chunksOf(bytes: Bytes, track: Box): Generator<Range> {
  const tables = within(bytes, track, "mdia", "minf", "stbl");
  const find = (type: string) => tables && childOf(bytes, tables, type);
  const [short, long] = [find("stco"), find("co64")];
  const offsets = short ? table(bytes, short, 4, 4) : table(bytes, long, 4, 8);
  if (!offsets.count) return;
  const [sizes, runs] = [sizesOf(bytes, find("stsz")), table(bytes, find("stsc"), 4, 12)];
  if (!runs.count) throw new Malformed("chunks of no samples");
  for (let [chunk, run, sample] = [0, 0, 0]; chunk < offsets.count; chunk++) {
    while (run + 1 < runs.count && four(bytes, runs.at(run + 1)) <= chunk + 1) run++;
    const next = Math.min(sizes.count, sample + four(bytes, runs.at(run) + 4));
    const from = short ? four(bytes, offsets.at(chunk)) : eight(bytes, offsets.at(chunk));
    let length = (next - sample) * sizes.each;
    for (; sample < next && !sizes.each; sample++) length += four(bytes, sizes.at(sample));
    sample = next;
    if (length) yield [from, from + length];
  }
}

/** `each` is what all of them have, or 0 where each has its own. */
function sizesOf(bytes: Bytes, box: Box | undefined) {
  if (!box) throw new Malformed("samples of no size"); // or of one in few bits (stz2), which no camera writes
  const each = four(bytes, box.body + 4);
  return { each, ...(each ? { count: four(bytes, box.body + 8), at: () => NaN } : table(bytes, box, 8, 4)) };
}

/** The number of entries stands at `skip` in the body; `at` tells where one of them is. */
function table(bytes: Bytes, box: Box | undefined, skip: number, width: number) {
  if (!box) return { count: 0, at: () => NaN };
  const first = box.body + skip + 4;
  const count = four(bytes, box.body + skip);
  if (first + count * width > box.end) throw new Malformed("a table that is larger than its box");
  return { count, at: (index: number) => first + index * width };
}

export function nameAt(bytes: Bytes, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

function four(bytes: Bytes, at: number): number {
  if (at + 4 > bytes.length) throw new Malformed("cut off");
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function eight(bytes: Bytes, at: number): number {
  return four(bytes, at) * 2 ** 32 + four(bytes, at + 4);
}
