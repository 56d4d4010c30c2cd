import { afterEach, expect, test, vi } from "vitest";

import { type Bytes, Malformed } from "../src/matrix/video-boxes";
import { changesOf, videoWithoutMetadata } from "../src/matrix/video-metadata";

type Part = string | number[] | Uint8Array;

const PLACE = "+37.5665+126.9780+038.000/";
const FILMED = 3_847_000_000; // seconds since 1904
const SAMPLES = ["N37.5665", "E126.978", "ALT38.00"]; // of a track that tells where the camera was
const MEGABYTE = 1024 ** 2;

function bytes(...parts: Part[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(typeof part === "string" ? Uint8Array.from(part, (sign) => sign.charCodeAt(0)) : part, at);
    at += part.length;
  }
  return all;
}
const word = (value: number) => [24, 16, 8, 0].map((bits) => (value / 2 ** bits) & 255);
const long = (value: number) => [...word(Math.floor(value / 2 ** 32)), ...word(value % 2 ** 32)];
const box = (type: string, ...parts: Part[]) => {
  const body = bytes(...parts);
  return bytes(word(body.length + 8), type, body);
};
const full = (type: string, ...parts: Part[]) => box(type, word(0), ...parts);
const latin = (all: Bytes) => new TextDecoder("latin1").decode(all);
const film = (...parts: Part[]) => new File([bytes(...parts)], "봄.mp4", { type: "video/mp4" });
const cleaned = async (file: File) => new Uint8Array(await (await videoWithoutMetadata(file)).arrayBuffer());

afterEach(() => vi.restoreAllMocks());

/** As it is told, or as it must be afterwards: as large, free, and empty. */
const said = (isTold: boolean, told: Bytes) => isTold ? told : bytes(told.subarray(0, 4), "free", new Uint8Array(told.length - 8));
const dates = (isTold: boolean) => bytes(word(isTold ? FILMED : 0), word(isTold ? FILMED + 9 : 0));

interface Track {
  kind: string;
  offsets: number[];
  sizes: number[];
  beside?: Bytes; // what stands in the track beside its media
}

/** One sample in the first chunk, two in each of the others. */
function track(isTold: boolean, { kind, offsets, sizes, beside = bytes() }: Track): Bytes {
  const tables = box("stbl", full("stsd", word(1), box(kind === "meta" ? "mebx" : "avc1", "how it is coded")), full("stts", word(0)),
    full("stsc", word(2), word(1), word(1), word(1), word(2), word(2), word(1)),
    full("stsz", word(0), word(sizes.length), sizes.flatMap(word)), full("stco", word(offsets.length), offsets.flatMap(word)));
  const handler = full("hdlr", "mhlr", kind, word(0), word(0), word(0), "\x0aCore Media");
  const media = box("mdia", full("mdhd", dates(isTold), "length"), handler, box("minf", full("vmhd", long(0)), handler, tables));
  return box("trak", full("tkhd", dates(isTold), "which way is up"), box("tapt", "aperture"), box("edts", "edits"), beside, media);
}

const keys = (name: string) => box("meta", full("hdlr", word(0), "mdta", word(0), word(0), word(0)),
  full("keys", word(1), box("mdta", name)), box("ilst", bytes(word(PLACE.length + 24), word(1), box("data", word(1), word(0), PLACE))));

/** Film first, then what it is: the size of `mdat` in 64 bits, and samples of metadata between the pictures, twice told of. */
function iphone(isTold: boolean): Bytes {
  const head = bytes(box("ftyp", "qt  ", word(0), "qt  "), said(isTold, box("wide")));
  const sample = (number: number) => isTold ? bytes(SAMPLES[number]!) : new Uint8Array(8);
  const played = bytes("pictures", sample(0), "sound", sample(1), sample(2), "more pictures");
  const media = bytes(word(1), "mdat", long(played.length + 16), played);
  const start = head.length + 16;
  const metadata = track(true, { kind: "meta", offsets: [start + 8, start + 21], sizes: [8, 8, 8] });
  const moov = box("moov", full("mvhd", dates(isTold), "how long"),
    track(isTold, { kind: "vide", offsets: [start, start + 37], sizes: [8, 6, 7], beside: said(isTold, keys("com.apple.quicktime.location.accuracy.horizontal")) }),
    track(isTold, { kind: "soun", offsets: [start + 16], sizes: [5] }), said(isTold, metadata), said(isTold, metadata), said(isTold, keys("com.apple.quicktime.location.ISO6709")));
  return bytes(head, media, moov);
}

/** What it is first; XMP behind, with no size: to the end. */
function android(isTold: boolean, isLast = true): Bytes {
  const text = bytes([0, PLACE.length], [0x15, 0xc7], PLACE);
  const udta = box("udta", box("\xa9xyz", text), full("loci", [0x15, 0xc7], "서울\0", [0], word(126.978 * 65536), word(37.5665 * 65536)),
    box("meta", word(0), full("hdlr", word(0), "mdir"), box("ilst", box("\xa9xyz", box("data", word(1), word(0), PLACE)))), word(0));
  const moov = box("moov", full("mvhd", dates(isTold), "how long"), said(isTold, udta), said(isTold, keys("com.android.version")),
    track(isTold, { kind: "vide", offsets: [900], sizes: [8], beside: said(isTold, udta) }), said(isTold, box("uuid", "an id of 16 signs", PLACE)));
  const xmp = said(isTold, box("uuid", "an id of 16 signs", `<exif:GPSLatitude>${PLACE}`));
  return bytes(box("ftyp", "mp42", word(0), "isom"), moov, said(isTold, box("free", PLACE)), box("mdat", "pictures, and so on"), isLast ? bytes(word(0), xmp.subarray(4)) : xmp);
}

/** As browsers record. */
function pieces(isTold: boolean, kind = "vide"): Bytes {
  const moov = box("moov", full("mvhd", dates(isTold)), track(isTold, { kind, offsets: [], sizes: [] }), box("mvex", "pieces"), said(isTold, box("udta", PLACE)));
  const piece = bytes(box("moof", "which"), box("mdat", "pictures"));
  return bytes(box("ftyp", "iso5"), moov, box("sidx", "where"), piece, piece, box("mfra", "where"));
}

test("films as phones make them say neither where nor when, and play as before", async () => {
  for (const made of [iphone, android, pieces, (isTold: boolean) => android(isTold, false)]) {
    expect(latin(made(true))).toContain(PLACE);
    const clean = await cleaned(film(made(true)));
    expect(latin(clean)).toBe(latin(made(false)));
    expect(latin(clean)).not.toMatch(/37\.5|126\.9|서울/);
    expect(latin(await cleaned(film(clean)))).toBe(latin(clean));
  }
});

test("dates of 64 bits are forgotten too", async () => {
  const moov = (date: number) => box("moov", box("mvhd", [1, 0, 0, 0], long(date), long(date), "how long"), box("trak", box("mdia", full("hdlr", word(0), "vide"))));
  expect(latin(await cleaned(film(moov(FILMED))))).toBe(latin(moov(0)));
  const short = box("moov", full("mvhd"), full("tkhd", "no box of this place"));
  expect(latin(await cleaned(film(short)))).toBe(latin(box("moov", full("mvhd"), said(false, full("tkhd", "no box of this place")))));
});

test("name and kind stay; what is no such film is given back as it was", async () => {
  const clean = await videoWithoutMetadata(film(iphone(true)));
  expect([clean.name, clean.type]).toEqual(["봄.mp4", "video/mp4"]);
  const webm = bytes([0x1a, 0x45, 0xdf, 0xa3], "webm", PLACE);
  const others = [film(webm), film("no film"), film(""), film("RIFFsizeAVI LIST"), new File([iphone(true)], "a.pdf", { type: "application/pdf" })];
  for (const other of others) expect(await videoWithoutMetadata(other)).toBe(other);
});

test("a film that was cut off keeps what there is of it, unless it is moov that was cut", async () => {
  const whole = android(true);
  const moovEnds = 20 + new DataView(whole.buffer).getUint32(20);
  for (let length = 0; length < whole.length; length += 3) {
    const cut = cleaned(film(whole.slice(0, length)));
    if (length >= 28 && length < moovEnds) await expect(cut).rejects.toThrow(Malformed);
    else expect(latin((await cut).slice(0, -7))).toBe(latin(android(false).slice(0, length).slice(0, -7))); // less is no header
  }
});

test("what some cameras append to a film is emptied to the end", async () => {
  const moov = box("moov", full("mvhd", dates(false)));
  for (const tail of [bytes(word(5), "inst", PLACE), bytes(word(1), "inst", long(3), PLACE), bytes(word(2 ** 31), "inst", PLACE), box("moov", PLACE)]) {
    const clean = latin(await cleaned(film(moov, tail)));
    expect(clean.length).toBe(moov.length + tail.length);
    expect(clean).not.toContain("37.5");
    expect(clean.slice(moov.length + 4)).toMatch(/^free/);
  }
});

test("what cannot be followed is refused", async () => {
  const ftyp = box("ftyp", "isom");
  const tellers = (...tables: Bytes[]) => box("moov", box("trak", box("mdia", full("hdlr", word(0), "meta"), box("minf", box("stbl", ...tables)))));
  const one = [full("stsc", word(1), word(1), word(1), word(1)), full("stsz", word(4), word(1))] as const;
  const broken = {
    "no box": bytes(ftyp, word(7), "mdat", PLACE),
    "a child beyond its parent": bytes(ftyp, box("moov", bytes(word(99), "udta", PLACE))),
    "a child of no size": bytes(ftyp, box("moov", bytes(word(3), "udta", PLACE))),
    "a packed moov": bytes(ftyp, box("moov", box("cmov", PLACE))),
    "pieces with a track that tells": pieces(true, "meta"),
    "a table beyond its box": bytes(ftyp, tellers(full("stco", word(2 ** 31), word(8)), ...one)),
    "no sizes": bytes(ftyp, tellers(full("stco", word(1), word(8)))),
    "no chunks": bytes(ftyp, tellers(full("stco", word(1), word(8)), one[1])),
    "samples that are no media": bytes(ftyp, tellers(full("stco", word(1), word(8)), ...one)),
    "samples beyond the end": bytes(ftyp, tellers(full("co64", word(1), long(2 ** 52)), ...one), box("mdat", "four")),
    "too many samples": bytes(ftyp, tellers(full("stco", word(50_001), new Uint8Array(200_004)), ...one)),
  };
  for (const [why, file] of Object.entries(broken)) await expect(changesOf(film(file)), why).rejects.toThrow(Malformed);
  await expect(changesOf(film(broken["a table beyond its box"]))).rejects.toThrow("a table that is larger");
  const endless = { size: Infinity, slice: () => ({ arrayBuffer: () => Promise.resolve(box("mdat").buffer) }) } as unknown as Blob;
  await expect(changesOf(endless)).rejects.toThrow("too many boxes");
});

test("of a gigabyte a few kilobytes are read, and the rest is not copied", async () => {
  const megabyte = new Blob([new Uint8Array(MEGABYTE).fill(7)]);
  const end = box("moov", full("mvhd", dates(true)), box("udta", PLACE));
  const huge = new File([box("ftyp", "isom"), bytes(word(1024 * MEGABYTE + 8), "mdat"), ...Array<Blob>(1024).fill(megabyte), end], "a", { type: "video/mp4" });
  let read = 0;
  const real = Blob.prototype.arrayBuffer;
  vi.spyOn(Blob.prototype, "arrayBuffer").mockImplementation(function (this: Blob) {
    read += this.size;
    return real.call(this);
  });
  const clean = await videoWithoutMetadata(huge);
  expect(read).toBeLessThan(1000);
  expect(clean.size).toBe(huge.size);
  const [last, before] = [await clean.slice(-end.length).text(), await clean.slice(-end.length - 1, -end.length).text()];
  expect([last.includes(PLACE), last.includes("mvhd"), before]).toEqual([false, true, "\x07"]);
});

/** Of a size that nobody has the disk for; zeros but for what is put. */
function sparse(size: number, ...put: [at: number, what: Bytes][]): Blob {
  const slice = (from: number, to: number) => {
    const part = new Uint8Array(Math.min(to, size) - from);
    for (const [at, what] of put) {
      if (at < from + part.length && from < at + what.length) part.set(what.slice(Math.max(0, from - at), from + part.length - at), Math.max(0, at - from));
    }
    return { arrayBuffer: () => Promise.resolve(part.buffer) };
  };
  return { size, slice } as unknown as Blob;
}

test("sizes of 64 bits, and no size at all, are followed; a moov without bounds is not", async () => {
  const [fourGigabytes, moov] = [2 ** 32 + 16, box("moov", box("udta", PLACE))];
  const large = sparse(fourGigabytes + moov.length, [0, bytes(word(1), "mdat", long(fourGigabytes))], [fourGigabytes, moov]);
  const [change, ...others] = await changesOf(large);
  expect([change!.from, change!.to, others]).toEqual([fourGigabytes, large.size, []]);
  expect(latin(change!.bytes!)).not.toContain(PLACE);
  expect(await changesOf(sparse(2 ** 40, [0, bytes(word(0), "mdat")]))).toEqual([]);
  for (const size of [word(0), word(65 * MEGABYTE)]) await expect(changesOf(sparse(2 ** 40, [0, bytes(size, "moov")]))).rejects.toThrow(Malformed);
});

test("as many tracks as fit into a moov end", async () => {
  expect(latin(await cleaned(film(box("moov", latin(box("trak")).repeat(50_000)))))).not.toContain("trak");
});

let seed = 7;
const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;

/** Which of the bytes may change: all but the headers of what plays, and that. */
function free(file: Bytes, withMedia: boolean): boolean[] {
  const may = Array<boolean>(file.length).fill(false);
  const view = new DataView(file.buffer);
  for (let [at, isMoovSeen] = [0, false]; at + 8 <= file.length; ) {
    const type = latin(file.slice(at + 4, at + 8));
    const size = view.getUint32(at);
    const [header, length] = size !== 1 ? [8, size || Infinity] : [16, at + 16 > file.length ? 0 : Number(view.getBigUint64(at + 8))];
    const end = length < header ? file.length : Math.min(file.length, at + length);
    const isMedia = type === "mdat" && length >= header;
    const stays = ["ftyp", "styp", "pdin", "moof", "mfra", "sidx", "ssix"].includes(type) && length >= header;
    if (isMedia && withMedia) may.fill(true, at + header, end);
    if (!stays && !isMedia) may.fill(true, type === "moov" && !isMoovSeen ? at + 8 : at, end);
    isMoovSeen ||= type === "moov";
    at = end;
  }
  return may;
}

async function checked(file: Bytes, withMedia: boolean): Promise<Bytes> {
  const [clean, may] = [file.slice(), free(file, withMedia)];
  let before = 0;
  for (const { from, to, bytes } of await changesOf(sparse(file.length, [0, file]))) {
    if (from < before || to <= from || to > file.length || (bytes && bytes.length !== to - from)) throw new Error(`${from} to ${to}`);
    clean.set(bytes ?? new Uint8Array(to - from), from);
    before = to;
  }
  expect(clean.findIndex((byte, at) => byte !== file[at] && !may[at])).toBe(-1);
  return clean;
}

test("whatever is broken about it, it ends, is as long as before, and what plays is not touched", async () => {
  const whole = [iphone(true), android(true), pieces(true)];
  let followed = 0;
  for (let turn = 0; turn < 2000; turn++) {
    const broken = whole[turn % whole.length]!.slice();
    for (let changes = 1 + random(3); changes > 0; changes--) {
      const at = random(broken.length);
      broken.set(random(2) ? [random(256)] : word([0, 1, 7, 8, 9, 16, 2 ** 31, 2 ** 32 - 1, random(broken.length)][random(9)]!).slice(0, broken.length - at), at);
    }
    const cut = random(3) ? broken : broken.slice(0, random(broken.length));
    try {
      await checked(cut, true);
      followed++;
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
    }
  }
  expect(followed).toBeGreaterThan(300);
});

test("whatever nobody has heard of goes, wherever it stands, and the media stay", async () => {
  const secret = () => box(["udta", "meta", "uuid", "gps ", "\xa9xyz", "free", "moof".replace("f", "g")][random(7)]!, ...Array<string>(random(3)).fill(PLACE));
  const some = () => bytes(...Array.from({ length: random(3) }, secret));
  const media = () => box("mdat", `pictures ${PLACE.slice(1, random(20))}`);
  for (let turn = 0; turn < 300; turn++) {
    const trak = () => box("trak", some(), full("tkhd", dates(false)), some(), box("mdia", some(), full("hdlr", word(0), "vide"), some()), some());
    const moov = box("moov", some(), full("mvhd", dates(false)), trak(), some(), trak(), some());
    const [first, second] = [media(), media()];
    const clean = await checked(bytes(box("ftyp", "isom"), some(), first, some(), moov, some(), second, some()), false);
    const rest = latin(clean).replace(latin(first), "").replace(latin(second), "");
    expect(rest).not.toContain("37.5");
    expect(rest).toContain("hdlr");
  }
});
