/** Events of which each field in turn is something else than it should be: everything that reads them goes on. */

import { MatrixEvent, type Room } from "matrix-js-sdk";
import { describe, expect, it, vi } from "vitest";

vi.stubGlobal("location", { hash: "", origin: "http://127.0.0.1", pathname: "/" });
vi.stubGlobal("addEventListener", () => undefined);
vi.stubGlobal("document", { documentElement: {}, addEventListener: () => undefined });
vi.stubGlobal("localStorage", { getItem: () => "ko", setItem: () => undefined });

const { happenedInWords, nameIn } = await import("../src/matrix/happened");
const { inWords, isSaid, oneLine } = await import("../src/matrix/last-line");
const { fileBody } = await import("../src/matrix/media-content");
const { bodyOf, kindOf, redactedBy, threadOf } = await import("../src/matrix/timeline/kinds");
const { Relations } = await import("../src/matrix/timeline/relations");
const { rowsOf } = await import("../src/matrix/timeline/rows");

const POISON = { toString: 1, valueOf: 1 }; // an object of which no text can be made
const ODD: unknown[] = [5, "text", null, undefined, true, [], [POISON], {}, POISON];
const about = (rel_type: string) => ({ rel_type, event_id: "$root", key: "👍", is_falling_back: false, "m.in_reply_to": { event_id: "$root" } });
const CONTENTS: [string, Record<string, unknown>, string?][] = [
  ["m.room.message", { msgtype: "m.text", body: "x", format: "org.matrix.custom.html", formatted_body: "x", "m.relates_to": about("m.thread") }],
  ["m.room.message", { msgtype: "m.text", body: "x", "m.new_content": { msgtype: "m.text", body: "y" }, "m.relates_to": about("m.replace") }],
  ["m.room.message", { msgtype: "m.image", body: "x", filename: "y", url: "mxc://x/y", file: { url: "mxc://x/y" }, info: { w: 1, mimetype: "image/png" } }],
  ["m.room.message", { msgtype: "m.audio", body: "x", "m.voice": {}, "org.matrix.msc1767.audio": { waveform: [1], duration: 1 } }],
  ["m.sticker", { body: "x", url: "mxc://x/y", info: { w: 1 } }],
  ["m.reaction", { "m.relates_to": about("m.annotation") }],
  ["m.poll.start", { "m.poll": { question: { "m.text": [{ body: "x" }], body: "x" }, answers: [] } }],
  ["m.room.redaction", { redacts: "$root" }],
  ["m.room.encrypted", { algorithm: "m.megolm.v1.aes-sha2", ciphertext: "x", "m.relates_to": about("m.thread") }],
  ["m.room.member", { membership: "join", displayname: "x", avatar_url: "mxc://x/y" }, "@a:x"],
  ["m.room.name", { name: "x" }, ""],
  ["m.room.topic", { topic: "x" }, ""],
  ["org.example.unknown", { body: "x" }],
];

function* spoilt(content: unknown): Iterable<unknown> {
  if (typeof content !== "object" || content === null) return;
  for (const [key, value] of Object.entries(content)) {
    const put = (odd: unknown) => (Array.isArray(content) ? content.map((each, n) => (String(n) === key ? odd : each)) : { ...content, [key]: odd });
    for (const odd of ODD) yield put(odd);
    for (const deeper of spoilt(value)) yield put(deeper);
  }
}

const room = { roomId: "!r", getMember: () => null, client: { getUser: () => null }, findEventById: () => undefined } as unknown as Room;
const all = CONTENTS.flatMap(([type, whole, state_key]) =>
  [...ODD, ...spoilt(whole)].map((content) => ({ type, content, state_key })), // whole contents too: what is decrypted may be anything
);
let number = 0;
const made = all.map(({ type, content, state_key }) =>
  new MatrixEvent({
    event_id: `$e${number++}`, room_id: "!r", sender: "@a:x", type, content: content as object, origin_server_ts: 1_000 + number,
    ...(state_key !== undefined && { state_key, unsigned: { prev_content: content as object } }),
  }),
);
const root = new MatrixEvent({ event_id: "$root", room_id: "!r", sender: "@a:x", type: "m.room.message", content: { msgtype: "m.text", body: "x" }, origin_server_ts: 1 });

describe("nonsense", () => {
  it("is put in words, or passed over", () => {
    for (const event of made) {
      expect(typeof inWords(event)).toBe("string");
      expect(typeof happenedInWords(event, room)).toBe("string");
      expect([isSaid(event), kindOf(event), bodyOf(event)]).toHaveLength(3);
      expect(["string", "undefined"]).toContain(typeof redactedBy(event));
      expect(["string", "undefined"]).toContain(typeof threadOf(event));
      expect(fileBody(event.getContent()).waveform).toBeInstanceOf(Array);
    }
  });

  it("takes no other row away", () => {
    const relations = new Relations();
    const events = [root, ...made];
    for (const event of events) {
      const id = relations.add(event);
      const target = events.find((each) => each.getId() === id);
      if (target) relations.editOf(target);
    }
    const rows = rowsOf(
      {
        events, relations, pending: [], viewer: "@me:x", unread: [], nameOf: (id) => id,
        threadUnread: () => false, looksOf: () => "",
      },
      new Map(),
    );
    expect(rows.find((row) => row.id === "$root")).toMatchObject({ kind: "message" });
    expect(rows.filter((row) => row.kind === "message").length).toBeGreaterThan(all.length / 4);
    for (const row of rows) if (row.kind === "message") for (const { key } of row.reactions) expect(typeof key).toBe("string");
  });
});

describe("names", () => {
  const named = (names: Record<string, string>) => {
    const people = new Map(Object.entries(names).map(([userId, rawDisplayName]) => [userId, { userId, rawDisplayName, membership: "join", events: {} }]));
    const alike = (name: string) => [...people.values()].filter((each) => each.rawDisplayName === name).map(({ userId }) => userId);
    return {
      getMember: (userId: string) => people.get(userId) ?? null, findEventById: () => undefined, client: { getUser: () => null },
      currentState: { getUserIdsWithDisplayName: alike },
    } as unknown as Room;
  };

  it("neither turn the text after them around, nor pile up over what is above", () => {
    expect(oneLine("\u202eevil\u2066 a")).toBe("evil a");
    const piled = oneLine(`Z${"\u0336".repeat(500)}algo`);
    expect(piled).toBe(`Z${"\u0336".repeat(4)}algo`);
    expect(oneLine("한글 नमस्ते")).toBe("한글 नमस्ते");
  });

  it("tell two of one name apart, and nobody else", () => {
    const room = named({ "@a:x": "민지", "@b:x": "민지", "@c:x": "서준", "@d:x": "" });
    expect(["@a:x", "@b:x", "@c:x", "@d:x", "@gone:x"].map((id) => nameIn(room, id))).toEqual(["민지 (@a)", "민지 (@b)", "서준", "d", "gone"]);
  });
});
