/** What the list and the pages about people and rooms are made of: words, names, rules. */

import { ConditionKind, type IPushRules, PushRuleActionName } from "matrix-js-sdk";
import { describe, expect, it, vi } from "vitest";

vi.stubGlobal("location", { hash: "", origin: "http://127.0.0.1", pathname: "/" });
vi.stubGlobal("localStorage", { getItem: (key: string) => (key === "bongsu.language" ? "ko" : null) });
vi.stubGlobal("window", globalThis);
vi.stubGlobal("addEventListener", () => undefined);
vi.stubGlobal("document", { documentElement: {}, addEventListener: () => undefined });
const { byRoom, without } = await import("../src/matrix/direct");
const { contentInWords, oneLine } = await import("../src/matrix/last-line");
const { loudnessBy } = await import("../src/matrix/mute");
const { idFrom } = await import("../src/matrix/people");
const { roleOf } = await import("../src/matrix/powers");
const { isAlias, localOf } = await import("../src/matrix/room-settings");
const { matches } = await import("../src/matrix/search");
const { excerpt, pieces } = await import("../src/ui/highlighted");
const { shortWhen } = await import("../src/ui/when");

const said = (content: object) => contentInWords("m.room.message", content);

describe("the last line", () => {
  it.each([
    [{ msgtype: "m.text", body: "안녕\n하세요" }, "안녕 하세요"],
    [{ msgtype: "m.image", body: "IMG_1.png" }, "사진"],
    [{ msgtype: "m.image", body: "우리 집", filename: "IMG_1.png" }, "사진 · 우리 집"],
    [{ msgtype: "m.audio", body: "a.ogg", "org.matrix.msc3245.voice": {} }, "음성 메시지"],
    [{ msgtype: "m.file", body: "보고서.pdf" }, "파일 · 보고서.pdf"],
    [{ msgtype: "m.text", body: "> <@a:x> 물음\n\n답", "m.relates_to": { "m.in_reply_to": { event_id: "$1" } } }, "답"],
    [{ msgtype: "m.text", body: 7 }, "메시지"],
    [{}, "메시지"],
  ])("of %j", (content, line) => expect(said(content)).toBe(line));

  it("has a bound, and is cut between characters", () => {
    expect([...oneLine("👍".repeat(10_000))]).toHaveLength(161);
    expect(oneLine(null)).toBe("");
  });
});

describe("names", () => {
  it.each([
    ["김철수", "ㄱㅊㅅ", true],
    ["김철수", "철", true],
    ["김철수", "ㅊㄱ", false],
    ["John Smith", "johns", true],
    ["Mina", "", true],
  ])("%s is found by %s: %s", (name, term, found) => expect(matches(name, term)).toBe(found));

  it.each([
    ["bob", "@bob:x.org"],
    ["@Bob:y.org:8448", "@bob:y.org:8448"],
    ["김철수", null],
    ["two words", null],
  ])("%s is the id %s", (term, id) => expect(idFrom(term, "x.org")).toBe(id));

  it("of addresses", () => {
    expect(isAlias("등산-모임")).toBe(true);
    expect(["", "a b", "a:b", "#a", "@a", "!a", "$a"].some(isAlias)).toBe(false);
    expect(localOf("#hike:x.org")).toBe("hike");
    expect(localOf(null)).toBe("");
  });
});

describe("what is marked", () => {
  it("is the term in any case, and no pattern", () => {
    expect(pieces("A.b a.B axb", ["a.b"])).toEqual([["A.b", true], [" ", false], ["a.B", true], [" axb", false]]);
    expect(pieces("abc", [])).toEqual([["abc", false]]);
    expect(pieces("a".repeat(100), ["a"]).map(([piece]) => piece).join("")).toBe("a".repeat(100));
  });

  it("of a long text is the part around it", () => {
    const long = `${"가 ".repeat(200)}여기${" 나".repeat(200)}`;
    expect(excerpt(long, ["여기"])).toMatch(/^….*여기.*…$/);
    expect(excerpt("짧은 글", ["없음"])).toBe("짧은 글");
  });
});

describe("direct chats", () => {
  it("are read from whatever stands there", () => {
    expect([...byRoom({ "@a:x": ["!1", "!2", 3], "@b:x": "no", c: null })]).toEqual([["!1", "@a:x"], ["!2", "@a:x"]]);
    expect(byRoom(undefined).size).toBe(0);
  });

  it("lose a room, and a person without rooms", () => {
    expect(without({ "@a:x": ["!1", "!2"], "@b:x": ["!1"] }, "!1")).toEqual({ "@a:x": ["!2"] });
  });
});

it("loudness is read from the rules of the account", () => {
  const rule = (rule_id: string, actions: PushRuleActionName[], pattern?: string) => ({
    rule_id,
    actions,
    default: false,
    enabled: true,
    conditions: pattern ? [{ kind: ConditionKind.EventMatch as const, key: "room_id", pattern }] : undefined,
  });
  const rules = {
    global: {
      room: [rule("!quiet", []), rule("!loud", [PushRuleActionName.Notify])],
      override: [rule("mine", [], "!off"), rule(".m.rule.master", []), { ...rule("!on", [], "!on"), enabled: false }],
    },
  } as unknown as IPushRules;
  expect([...loudnessBy(rules)]).toEqual([["!quiet", "mentions"], ["!off", "none"]]);
  expect(loudnessBy(undefined).size).toBe(0);
});

it.each([
  [Infinity, 0, "owner"],
  [100, 0, "admin"],
  [50, 0, "moderator"],
  [0, 0, "member"],
  [0, 50, "silent"],
])("of level %s where %s speak: %s", (level, needed, role) => expect(roleOf(level, needed)).toBe(role));

it("moments are said shortly", () => {
  const now = new Date(2026, 10, 26, 15, 0).getTime();
  expect(shortWhen(new Date(2026, 10, 26, 0, 5).getTime(), now)).toMatch(/:05/); // how exactly is the engine's affair
  expect(shortWhen(new Date(2026, 10, 25, 23, 59).getTime(), now)).toBe("어제");
  expect(shortWhen(new Date(2026, 2, 1).getTime(), now)).not.toMatch(/2026|:/);
  expect(shortWhen(new Date(2024, 2, 1).getTime(), now)).toMatch(/2024/);
  expect(shortWhen(0, now)).toBe("");
});
