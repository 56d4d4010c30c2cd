/** What other events make of a message, in whatever order they come. */

import { MatrixEvent } from "matrix-js-sdk";
import { describe, expect, it } from "vitest";

import { Relations } from "../src/matrix/timeline/relations";
import { rowsOf } from "../src/matrix/timeline/rows";

const ME = "@me:x";
let clock = 1_000;

function event(id: string, sender: string, type: string, content: object, unsigned: object = {}): MatrixEvent {
  return new MatrixEvent({ event_id: id, room_id: "!r", sender, type, content, unsigned, origin_server_ts: clock++ });
}
const said = (id: string, sender: string, body: string, relation?: object, unsigned?: object) =>
  event(id, sender, "m.room.message", { msgtype: "m.text", body, ...(relation && { "m.relates_to": relation }) }, unsigned);
const reaction = (id: string, sender: string, target: string, key: string) =>
  event(id, sender, "m.reaction", { "m.relates_to": { rel_type: "m.annotation", event_id: target, key } });
const edit = (id: string, sender: string, target: string, body: string) =>
  event(id, sender, "m.room.message", {
    msgtype: "m.text", body: `* ${body}`, "m.new_content": { msgtype: "m.text", body },
    "m.relates_to": { rel_type: "m.replace", event_id: target },
  });
const inThread = (root: string) => ({ rel_type: "m.thread", event_id: root });

function rows(events: MatrixEvent[], relations: Relations, more: object = {}) {
  return rowsOf(
    {
      events, relations, pending: [], viewer: ME, unread: [], nameOf: (id: string) => id, threadUnread: () => false, looksOf: () => "",
      ...more,
    },
    new Map(),
  );
}
const first = (events: MatrixEvent[], relations: Relations, more: object = {}) => {
  const row = rows(events, relations, more)[0]!;
  if (row.kind !== "message") throw new Error("no message");
  return row;
};

describe("relations", () => {
  it("counts each person once per reaction and takes back what is redacted", () => {
    const relations = new Relations();
    for (const each of [reaction("$r1", "@a:x", "$m", "👍"), reaction("$r2", ME, "$m", "👍"), reaction("$r3", "@a:x", "$m", "👍")]) relations.add(each);
    const message = said("$m", "@a:x", "hi");
    expect(first([message], relations).reactions).toEqual([{ key: "👍", senders: ["@a:x", ME], mine: "$r2" }]);
    expect(relations.remove("$r2")).toBe("$m");
    expect(first([message], relations).reactions).toEqual([{ key: "👍", senders: ["@a:x"] }]);
  });

  it("takes only the sender's own edits, and the newest of them", () => {
    const relations = new Relations();
    const message = said("$m", "@a:x", "one");
    for (const each of [edit("$e2", "@a:x", "$m", "two"), edit("$bad", "@evil:x", "$m", "mine now"), edit("$e3", "@a:x", "$m", "three")]) relations.add(each);
    expect(first([message], relations)).toMatchObject({ edited: true, content: { body: "three" } });
    relations.remove("$e3");
    expect(first([message], relations)).toMatchObject({ content: { body: "two" } });
  });

  it("counts a thread from its bundle and from what came since, and not twice", () => {
    const relations = new Relations();
    const old = said("$t1", "@a:x", "first", inThread("$m"));
    const root = said("$m", "@a:x", "root", undefined, { "m.relations": { "m.thread": { count: 3, latest_event: {} } } });
    const latest = said("$t3", "@a:x", "third", inThread("$m"));
    relations.add(root);
    relations.setLatest("$m", latest);
    relations.add(old);
    relations.add(latest);
    expect(relations.threadOf("$m")).toMatchObject({ count: 3 });
    const next = said("$t4", ME, "fourth", inThread("$m"));
    relations.add(next);
    expect(relations.threadOf("$m")).toEqual({ count: 4, latest: next });
    expect(rows([root, old, latest, next], relations).map((row) => row.id)).toEqual(["$m"]);
    expect(rows([root, old, latest, next], relations, { thread: "$m" }).map((row) => row.id)).toEqual(["$m", "$t1", "$t3", "$t4"]);
  });

  it("shows what is on its way, once", () => {
    const relations = new Relations();
    const message = said("$m", ME, "one");
    const waiting = { txnId: "t1", roomId: "!r", type: "m.room.message", at: clock, state: "waiting", content: { msgtype: "m.text", body: "new" } };
    expect(rows([message], relations, { pending: [waiting] }).map((row) => row.key)).toEqual(["$m", "t1"]);
    const arrived = said("$n", ME, "new", undefined, { transaction_id: "t1" });
    expect(rows([message, arrived], relations, { pending: [waiting] }).map((row) => [row.key, row.id])).toEqual([["$m", "$m"], ["t1", "$n"]]);
    const like = { ...waiting, txnId: "t2", type: "m.reaction", content: { "m.relates_to": { rel_type: "m.annotation", event_id: "$m", key: "👍" } } };
    expect(first([message], relations, { pending: [like] }).reactions).toEqual([{ key: "👍", senders: [ME], mine: "t2" }]);
    const gone = { ...waiting, txnId: "t3", type: "m.room.redaction", redacts: "$m", content: {} };
    expect(rows([message], relations, { pending: [gone] })).toEqual([]);
  });

  it("draws an answer again when what it answers looks different, and one whose reactions are others' now", () => {
    const relations = new Relations();
    const events = [said("$m", "@a:x", "one", { "m.in_reply_to": { event_id: "$q" } })];
    relations.add(reaction("$r1", "@a:x", "$m", "👍"));
    const before = rows(events, relations)[0]!;
    expect(rows(events, relations, { looksOf: () => "redacted" })[0]!.stamp).not.toBe(before.stamp);
    relations.remove("$r1");
    relations.add(reaction("$r2", "@b:x", "$m", "👍"));
    expect(rows(events, relations)[0]!.stamp).not.toBe(before.stamp);
  });

  it("counts a root in its room only", () => {
    const events = [said("$m", "@a:x", "root"), said("$t", "@a:x", "reply", inThread("$m"))];
    const numbers = (thread?: string) => rows(events, new Relations(), { thread, unread: [3, 2] }).map((row) => row.kind === "message" && row.unread);
    expect([numbers(), numbers("$m")]).toEqual([[3], [0, 2]]);
  });

  it("begins a day at this device's midnight, also when the clock of a server went back over it", () => {
    const midnight = new Date(2026, 2, 1).getTime();
    const times = [midnight - 2, midnight - 1, midnight, midnight + 3_600_000, midnight - 1, midnight + 1];
    const events = times.map((at, n) => new MatrixEvent({ event_id: `$${n}`, room_id: "!r", sender: ME, type: "m.room.message", content: {}, origin_server_ts: at }));
    expect(rows(events, new Relations()).map(({ newDay }) => newDay)).toEqual([true, false, true, false, true, true]);
  });

  it("keeps the row of a message in which nothing changed", () => {
    const relations = new Relations();
    const events = [said("$m", "@a:x", "one"), said("$n", "@a:x", "two")];
    const before = rows(events, relations);
    relations.add(reaction("$r", "@a:x", "$n", "👍"));
    const known = new Map(before.map((row) => [row.key, row]));
    const after = rowsOf({ events, relations, pending: [], viewer: ME, unread: [], nameOf: (id) => id, threadUnread: () => false, looksOf: () => "" }, known);
    expect(after[0]).toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
  });
});
