/** What a message says in words: formatted or plain, short or folded, a few emoji large. */

import { useSignal } from "@preact/signals";
import type { IContent } from "matrix-js-sdk";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";

import { matrix } from "../../../matrix/client";
import { go } from "../../../router";
import { words } from "../../../words";
import { showPerson } from "../../person-card";
import { fromHtml, fromText, isBigEmoji, type Mentioning } from "./html";
import "./text.css";

const FOLDED_PIXELS = 420; // longer ones show their beginning

const w = words({
  all: ["전체 보기", "Show all"],
  less: ["접기", "Show less"],
  edited: ["수정됨", "edited"],
  editedLabel: ["수정된 메시지: 이전 내용 보기", "Edited message: show its history"],
});

interface Shown {
  roomId: string;
  content: IContent;
  edited?: boolean;
  onHistory?(): void;
  before?: string; // the name, before what somebody does (/me)
}

export function TextBody({ roomId, content, edited, onHistory, before }: Shown) {
  const box = useRef<HTMLDivElement>(null);
  const long = useSignal(false);
  const open = useSignal(false);
  const viewer = matrix().getSafeUserId();
  const text = plainOf(content);
  const html = htmlOf(content);
  const big = !html && isBigEmoji(text);
  const made = useMemo(() => nodes(html, text, { viewer, roomId }), [html, text, roomId]);
  useLayoutEffect(() => box.current?.replaceChildren(made), [made]);
  useEffect(() => {
    long.value = (box.current?.scrollHeight ?? 0) > FOLDED_PIXELS + 80;
  }, [made]);
  return (
    <>
      {before && <bdi class="doer">{before} </bdi>}
      <div
        ref={box}
        class={`text${html ? " formatted" : ""}${big ? " big" : ""}${long.value && !open.value ? " folded" : ""}`}
        dir="auto"
        onClick={(event) => follow(event, roomId)}
        onKeyDown={(event) => (event.key === "Enter" || event.key === " ") && follow(event, roomId)}
      />
      {long.value && (
        <button class="plain fold" aria-expanded={open.value} onClick={() => (open.value = !open.value)}>{open.value ? w.less : w.all}</button>
      )}
      {edited && <button class="plain edited" aria-label={w.editedLabel} onClick={onHistory}>{w.edited}</button>}
    </>
  );
}

/** The body, without the quote that old clients put before an answer. */
export function plainOf(content: IContent): string {
  const body = typeof content.body === "string" ? content.body : "";
  if (!content["m.relates_to"]?.["m.in_reply_to"] || !body.startsWith("> ")) return body;
  return body.replace(/^(?:>.*\n)+\n?/, "");
}

function htmlOf(content: IContent): string {
  const html: unknown = content.format === "org.matrix.custom.html" ? content.formatted_body : "";
  return typeof html === "string" ? html : "";
}

function nodes(html: string, text: string, mentioning: Mentioning): Node {
  const holder = document.createElement("div");
  holder.append(html ? fromHtml(html, mentioning) : fromText(text, mentioning));
  return holder;
}

/** A click within: spoilers open, mentions show the person, links into Matrix stay in this page. */
function follow(event: Event, roomId: string): void {
  const target = event.target as HTMLElement;
  const spoiler = target.closest<HTMLElement>(".spoiler");
  if (spoiler && spoiler.getAttribute("aria-expanded") === "false") {
    event.preventDefault();
    spoiler.setAttribute("aria-expanded", "true");
    return;
  }
  const link = target.closest<HTMLAnchorElement>("a[data-matrix]");
  if (!link) return;
  event.preventDefault();
  const { matrix: id = "", event: eventId, via = "" } = link.dataset;
  if (id.startsWith("@")) showPerson(id, roomId);
  else if (id.startsWith("!") && matrix().getRoom(id)) go({ view: "room", roomId: id, eventId });
  else go({ view: "join", target: id, via: via ? via.split(",") : [] });
}
