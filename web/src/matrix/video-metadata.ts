/**
 * Videos without what cameras write beside the film: where it was filmed, and when. Nothing is encoded anew and
 * nothing moves: what goes is overwritten in its place, so the film plays as before and the file is as long as before.
 *
 * MP4, QuickTime and 3GPP files keep only the boxes that make them play, so what nobody has heard of yet goes too: `udta`
 * (Android's `©xyz`, 3GPP's `loci`), `meta` (iPhone's keys), `uuid` (XMP), and the tracks in which cameras write
 * down their way (GoPro, drones). Of the file only the boxes' headers and `moov` are read. A file that cannot be followed
 * throws Malformed: sent as it is, it might tell the place. Other kinds (WebM) stay: no camera writes a place into them.
 */

import {
  BOX_BYTES_MIN, type Box, boxAt, boxesIn, type Bytes, chunksOf, HEADER_BYTES_MAX, Malformed, nameAt, type Range, within,
} from "./video-boxes";

const MOOV_BYTES_MAX = 64 * 1024 ** 2; // ten hours of film have some 30 MB
const BOXES_MAX = 20_000; // of a file; one recorded in pieces has two a piece
const RANGES_MAX = 50_000; // that are emptied within the media

const FILE_KEPT = new Set(["ftyp", "styp", "pdin", "moov", "moof", "mfra", "mdat", "sidx", "ssix"]);
const KEPT = new Map([
  ["moov", new Set(["mvhd", "trak", "mvex", "iods", "pssh"])],
  ["trak", new Set(["tkhd", "edts", "tref", "trgr", "tapt", "load", "mdia"])],
  ["mdia", new Set(["mdhd", "hdlr", "elng", "minf"])],
]);
const DATED = new Set(["mvhd", "tkhd", "mdhd"]);
const FIRST = new Set([...FILE_KEPT, "wide", "free", "skip", "junk", "pnot", "PICT", "pict", "uuid", "udta", "meta"]);
const PLAYED = new Set(["vide", "soun", "auxv", "text", "sbtl", "subt", "clcp", "tmcd"]); // kinds of tracks
const FREE = Uint8Array.from("free", (sign) => sign.charCodeAt(0));
const NOTHING = new Blob([new Uint8Array(1024 ** 2)]);

/** From here to there: these bytes, or zeros. */
interface Change {
  from: number;
  to: number;
  bytes?: Bytes;
}

/** Throws Malformed, and what the browser throws when the file is no longer there. */
export async function videoWithoutMetadata(file: File): Promise<File> {
  if (!file.type.startsWith("video/")) return file;
  const changes = await changesOf(file);
  return changes.length ? new File(changed(file, changes), file.name, { type: file.type }) : file;
}

/** In order, none over another. Throws Malformed. */
export async function changesOf(file: Blob): Promise<Change[]> {
  const changes: Change[] = [];
  const media: Range[] = [];
  let told: Range[] | null = null; // once there was a moov
  for (let [at, count] = [0, 0]; at + BOX_BYTES_MIN <= file.size; count++) {
    const header = await read(file, at, at + HEADER_BYTES_MAX);
    if (count === 0 && !FIRST.has(nameAt(header, 4))) return []; // of another kind
    if (count === BOXES_MAX) throw new Malformed("too many boxes");
    const box = boxAt(header, 0, file.size - at);
    if (!box && !told) throw new Malformed("no box");
    const { type, body, end } = box ?? { type: "", body: BOX_BYTES_MIN, end: Infinity }; // what some append to a film
    const next = Math.min(at + end, file.size);
    if (type === "moov" && !told) {
      if (at + end > file.size || end > MOOV_BYTES_MAX) throw new Malformed("a moov that is cut off or too large");
      const bytes = await read(file, at, next);
      told = emptied(bytes);
      changes.push({ from: at, to: next, bytes });
    } else if (type === "mdat") media.push([at + body, next]);
    else if (!FILE_KEPT.has(type) || type === "moov") changes.push(...emptying(at, at + body, next, box !== null));
    at = next;
  }
  const ranges = joined(told ?? [], media).map(([from, to]) => ({ from, to }));
  return [...changes, ...ranges].sort((a, b) => a.from - b.from);
}

/** The box becomes free space of its size; what is no box, free space up to the end. */
function emptying(from: number, body: number, to: number, isBox: boolean): Change[] {
  const head = isBox ? { from: from + 4, to: from + 8, bytes: FREE } : { from, to: from + 8, bytes: Uint8Array.of(0, 0, 0, 0, ...FREE) };
  return to > body ? [head, { from: body, to }] : [head];
}

/** In its place; gives where in the file the samples are that tell the rest. */
function emptied(bytes: Bytes): Range[] {
  const moov = boxAt(bytes, 0, bytes.length)!;
  if (within(bytes, moov, "cmov")) throw new Malformed("a packed moov");
  const isInPieces = within(bytes, moov, "mvex") !== undefined;
  const told: Range[] = [];
  for (const box of boxesIn(bytes, moov)) {
    if (box.type !== "trak" || isPlayed(bytes, box)) continue;
    if (isInPieces) throw new Malformed("samples in one piece or another");
    for (const range of chunksOf(bytes, box)) {
      if (told.push(range) > RANGES_MAX) throw new Malformed("too many samples");
    }
    empty(bytes, box);
  }
  keepOnly(bytes, moov);
  return told;
}

function isPlayed(bytes: Bytes, track: Box): boolean {
  const handler = within(bytes, track, "mdia", "hdlr");
  return handler !== undefined && PLAYED.has(nameAt(bytes, handler.body + 8));
}

/** No deeper than KEPT goes. */
function keepOnly(bytes: Bytes, parent: Box): void {
  for (const box of boxesIn(bytes, parent)) {
    if (!KEPT.get(parent.type)!.has(box.type)) empty(bytes, box);
    else if (KEPT.has(box.type)) keepOnly(bytes, box);
    else if (DATED.has(box.type)) forgetDates(bytes, box);
  }
}

function empty(bytes: Bytes, box: Box): void {
  bytes.set(FREE, box.start + 4);
  bytes.fill(0, box.body, box.end);
}

/** When it was made and changed: 0 is "unknown" to all. */
function forgetDates(bytes: Bytes, { body, end }: Box): void {
  const length = bytes[body] === 1 ? 16 : 8;
  bytes.fill(0, body + 4, Math.min(end, body + 4 + length));
}

/** In order, those that meet as one. Throws Malformed if one is not in the media. */
function joined(ranges: Range[], media: Range[]): Range[] {
  const all: [number, number][] = [];
  let within = 0;
  for (const [from, to] of [...ranges].sort(([a], [b]) => a - b)) {
    while (within < media.length && media[within]![1] <= from) within++;
    const [start, end] = media[within] ?? [Infinity, Infinity];
    if (from < start || to > end) throw new Malformed("samples outside the media");
    const last = all.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else all.push([from, to]);
  }
  return all;
}

/** The file in slices: what stays is not read. */
function changed(file: Blob, changes: readonly Change[]): BlobPart[] {
  const parts: BlobPart[] = [];
  let at = 0;
  for (const { from, to, bytes } of changes) {
    parts.push(file.slice(at, from));
    if (bytes) parts.push(bytes);
    else for (let left = to - from; left > 0; left -= NOTHING.size) parts.push(NOTHING.slice(0, left));
    at = to;
  }
  return [...parts, file.slice(at)];
}

async function read(file: Blob, from: number, to: number): Promise<Bytes> {
  return new Uint8Array(await file.slice(from, to).arrayBuffer());
}
