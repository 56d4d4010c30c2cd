import { expect, test } from "vitest";

import { shortName } from "../src/matrix/file-content";
import { fileBody, shownName } from "../src/matrix/media-content";
import { bytesText, lengthText } from "../src/ui/size";
import { waveform } from "../src/views/room/voice-recorder";

const FILE = { url: "mxc://x/enc", key: { k: "a" }, iv: "b", hashes: { sha256: "c" }, v: "v2" };

test("a plain picture is seen by the server's thumbnail, an encrypted one by the sender's", () => {
  const plain = fileBody({ msgtype: "m.image", body: "a.jpg", url: "mxc://x/a", info: { w: 4000, h: 3000, mimetype: "image/jpeg" } });
  expect(plain).toMatchObject({ kind: "image", name: "a.jpg", caption: "", w: 4000, still: { mxc: "mxc://x/a", side: 800 } });
  const encrypted = fileBody({ msgtype: "m.image", body: "a.jpg", file: FILE, info: { thumbnail_file: { ...FILE, url: "mxc://x/t" } } });
  expect(encrypted.still?.mxc).toBe("mxc://x/t");
  expect(encrypted.whole?.encrypted).toEqual(FILE);
});

test("a small moving picture moves, a large one waits for a click", () => {
  const gif = (size: number) => fileBody({ msgtype: "m.image", body: "a", url: "mxc://x/a", info: { mimetype: "image/gif", size } });
  expect(gif(1_000_000).still).toEqual({ mxc: "mxc://x/a" });
  expect(gif(50_000_000).still).toEqual({ mxc: "mxc://x/a", side: 800 });
});

test("nonsense in a message is nothing", () => {
  const body = fileBody({
    msgtype: "m.image", body: 7, url: "https://tracker.example/x.png", file: "no",
    info: { w: -1, h: 1e9, size: "big", duration: NaN }, "org.matrix.msc1767.audio": { waveform: ["x"] },
  });
  expect(body).toMatchObject({ name: "", whole: null, still: null, w: undefined, h: undefined, bytes: undefined, duration: undefined, waveform: [] });
  expect(fileBody({ msgtype: "m.file", body: "x".repeat(10_000) }).name.length).toBe(200);
  expect(fileBody({}).kind).toBe("file");
});

test("a voice note and its waveform; a caption beside a file name", () => {
  const voice = fileBody({
    msgtype: "m.audio", body: "v.ogg", url: "mxc://x/v", "org.matrix.msc3245.voice": {},
    "org.matrix.msc1767.audio": { duration: 1500, waveform: [0, 512, 4096] },
  });
  expect(voice).toMatchObject({ kind: "voice", duration: 1500, waveform: [0, 0.5, 1] });
  expect(fileBody({ msgtype: "m.image", body: "봄", filename: "a.jpg" })).toMatchObject({ name: "a.jpg", caption: "봄" });
});

test("a recording of any length has as many points, each its loudest", () => {
  expect(waveform([0, 1, 0, 0.5], 2)).toEqual([1024, 512]);
  expect(waveform([], 64)).toEqual([]);
  expect(waveform(Array.from({ length: 1000 }, () => 0.25))).toEqual(Array.from({ length: 64 }, () => 256));
});

test("sizes and lengths", () => {
  expect([0, 900, 1536, 20 * 1024 ** 2].map(bytesText)).toEqual(["0 B", "900 B", "1.5 KB", "20 MB"]);
  expect([0, 65_000, 3_723_000].map(lengthText)).toEqual(["0:00", "1:05", "1:02:03"]);
});

test("a long name keeps its ending, a turned one is read as it is", () => {
  expect(shortName("긴".repeat(10_000) + ".txt")).toBe("긴".repeat(195) + "….txt");
  expect([...shortName("😀".repeat(300))].length).toBe(200);
  expect(shortName("봄.jpg")).toBe("봄.jpg");
  expect(shortName(`${"a".repeat(300)}.${"b".repeat(300)}`).length).toBe(200);
  expect(shownName("휴가\u202egpj.exe\u0000\n")).toBe("휴가gpj.exe");
});
