import { expect, test } from "vitest";

import { ROOM } from "../src/matrix/mentions";
import { best, queryAt } from "../src/views/room/completion";
import { captionIn, editContent, isTooLong, messageContent, relation } from "../src/views/room/composer-content";
import { toHtml } from "../src/views/room/markdown";

const MINSU = { userId: "@minsu:example.org", name: "민수 (김)" };

test("plain text needs no HTML, whatever signs are in it", () => {
  for (const text of ["안녕", "a\nb\n\nc", "1 < 2 & 3", "snake_case_name", "# 1 번", "---", "<b>x</b>", "    four blanks", "https://example.org/a_b_c", "| a | b |\n|---|---|"]) {
    expect(toHtml(text), text).toBeNull();
  }
});

test("what is written with signs becomes HTML", () => {
  expect(toHtml("**굵게**는 *기울여* ~~지움~~ `코드`")).toBe(
    "<strong>굵게</strong>는 <em>기울여</em> <del>지움</del> <code>코드</code>",
  );
  expect(toHtml("```js\nif (a < b) {}\n```")).toBe('<pre><code class="language-js">if (a &lt; b) {}\n</code></pre>');
  expect(toHtml("> 인용\n\n뒤")).toBe("<blockquote>\n<p>인용</p>\n</blockquote>\n<p>뒤</p>");
  expect(toHtml("- 하나\n- 둘")).toBe("<ul>\n<li>하나</li>\n<li>둘</li>\n</ul>");
  expect(toHtml("[여기](https://example.org/?a=1&b=2)")).toBe('<a href="https://example.org/?a=1&#38;b=2">여기</a>');
});

test("no HTML gets through, and no address that runs", () => {
  expect(toHtml('**a** <img src=x onerror="alert(1)">')).not.toContain("<img");
  expect(toHtml("**a** [x](javascript:alert(1))")).toBe("<strong>a</strong> x");
  expect(toHtml("**a** ![x](https://example.org/x.png)")).not.toContain("<img");
});

test("a mention calls the person and links to them, whatever the name is made of", () => {
  const content = messageContent({ text: "@민수 (김) 봐요", mentions: [MINSU] })!;
  expect(content["m.mentions"]).toEqual({ user_ids: [MINSU.userId] });
  expect(content.body).toBe("@민수 (김) 봐요");
  expect(content.formatted_body).toBe('<a href="https://matrix.to/#/%40minsu%3Aexample.org">민수 (김)</a> 봐요');
});

test("a name that was deleted again calls nobody", () => {
  const content = messageContent({ text: "봐요", mentions: [MINSU, { userId: ROOM, name: "room" }] })!;
  expect(content["m.mentions"]).toEqual({});
  expect(messageContent({ text: "@room 모두", mentions: [{ userId: ROOM, name: "room" }] })!["m.mentions"]).toEqual({ room: true });
});

test("an answer names what it answers and calls its author, once", () => {
  const answered = { eventId: "$a", sender: MINSU.userId };
  const plain = messageContent({ text: "응", mentions: [] }, answered)!;
  expect(plain["m.relates_to"]).toEqual({ "m.in_reply_to": { event_id: "$a" } });
  expect(plain["m.mentions"]).toEqual({ user_ids: [MINSU.userId] });
  expect(messageContent({ text: "@민수 (김)", mentions: [MINSU] }, answered)!["m.mentions"]).toEqual({ user_ids: [MINSU.userId] });
});

test("an edit replaces the whole and calls only whom it newly names", () => {
  const content = editContent({ text: "@민수 (김) **새**", mentions: [MINSU] }, "$a", [MINSU.userId])!;
  expect(content.body).toBe("* @민수 (김) **새**");
  expect(content["m.mentions"]).toEqual({});
  expect(content["m.new_content"]).toMatchObject({ body: "@민수 (김) **새**", "m.mentions": { user_ids: [MINSU.userId] } });
});

test("commands", () => {
  const sent = (text: string) => messageContent({ text, mentions: [] });
  expect(sent("/me 웃는다")).toMatchObject({ msgtype: "m.emote", body: "웃는다" });
  expect(sent("/shrug 글쎄")).toMatchObject({ body: "글쎄 ¯\\_(ツ)_/¯" });
  expect(sent("/plain **a**")).not.toHaveProperty("formatted_body");
  expect(sent("//me")).toMatchObject({ msgtype: "m.text", body: "/me" });
  expect(sent("/etc/hosts")).toMatchObject({ body: "/etc/hosts" });
  expect(sent("/me")).toBeNull();
  expect(sent(" \n ")).toBeNull();
});

test("what no event can hold is found out before it is sent", () => {
  const of = (text: string) => isTooLong(messageContent({ text, mentions: [] })!);
  expect(of("봉".repeat(14_000))).toBe(false);
  expect(of("봉".repeat(15_500))).toBe(true);
  expect(of(`**${"봉".repeat(8_000)}**`)).toBe(true); // it goes twice, as text and as HTML
});

test("what is being named at the caret", () => {
  const at = (text: string) => queryAt(text, text.length);
  expect(at("봐 @민")).toEqual({ kind: "mention", from: 2, to: 4, text: "민" });
  expect(at("@")).toMatchObject({ kind: "mention", text: "" });
  expect(at("mail@host")).toBeNull();
  expect(at("좋아 :하트")).toMatchObject({ kind: "emoji", text: "하트" });
  expect(at("12:30")).toBeNull();
  expect(at("https:a")).toBeNull();
  expect(at("/m")).toMatchObject({ kind: "command", text: "m" });
  expect(at(`${"a".repeat(60)}/m`)).toBeNull();
});

test("the beginning of a name answers before its middle", () => {
  expect(best(["xmin", "kim minsu", "minsu"], (name) => [name], "min", 2)).toEqual(["minsu", "kim minsu"]);
});

test("a caption is the text of a message, with whom it calls and answers; what one does is none", () => {
  const answered = { eventId: "$a", sender: "@john:x" };
  const caption = captionIn(messageContent({ text: "**봄** @민수 (김)", mentions: [MINSU] }, answered)!)!;
  expect(caption).toMatchObject({
    body: "**봄** @민수 (김)", format: "org.matrix.custom.html",
    "m.mentions": { user_ids: [MINSU.userId, "@john:x"] }, "m.relates_to": { "m.in_reply_to": { event_id: "$a" } },
  });
  expect(caption).not.toHaveProperty("msgtype");
  expect(captionIn(messageContent({ text: "/me 웃는다", mentions: [] })!)).toBeNull();
  expect(relation(answered)["m.mentions"]).toEqual({ user_ids: ["@john:x"] });
});
