/**
 * What a message says, as nodes of the page: HTML of others made harmless, addresses made links, mentions made pills.
 *
 * The tags and attributes are those of the Matrix specification ("m.room.message msgtypes"), less pictures and colours;
 * DOMPurify does the cleaning. Nothing here is ever put into the page as text of HTML.
 */

import DOMPurify from "dompurify";
import { find } from "linkifyjs";

import { parseMatrixLink } from "./matrix-link";

const TAGS = (
  "del h1 h2 h3 h4 h5 h6 blockquote p a ul ol sup sub li b i u strong em s code hr br div table thead tbody tr th td " +
  "caption pre span img details summary mx-reply"
).split(" ");
const ATTRIBUTES = ["href", "start", "class", "alt", "title", "data-mx-spoiler"];
// DOMPurify asks this of every attribute: of one of those schemes, or without any.
const SAFE_VALUE = /^(?:(?:https?|ftp|mailto|magnet|matrix):|[^a-z]|[a-z+.-]+(?:[^a-z+.:-]|$))/i;
const SAFE_LINK = /^(?:https?|ftp|mailto|magnet|matrix):/i;
const DEPTH_MAX = 100; // the specification's
const HTML_LENGTH_MAX = 200_000;
const BARE_DOMAINS = /\.(?:com|net|org|kr|io|dev|app|edu|gov|info|me|co|jp|cn|eu|uk|de)(?:[/:?#]|$)/i;
const BIG_EMOJI = emojiOnly();

export interface Mentioning {
  viewer: string;
  roomId: string;
}

/** Cleaned HTML of a message. */
export function fromHtml(html: string, mentioning: Mentioning): DocumentFragment {
  const clean = DOMPurify.sanitize(html.slice(0, HTML_LENGTH_MAX), {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    ALLOWED_URI_REGEXP: SAFE_VALUE,
    ADD_URI_SAFE_ATTR: ["data-mx-spoiler"],
    RETURN_DOM_FRAGMENT: true,
  });
  for (const quote of clean.querySelectorAll("mx-reply")) quote.remove();
  flatten(clean);
  for (const element of clean.querySelectorAll("*")) tidy(element as HTMLElement);
  linkTexts(clean);
  for (const link of clean.querySelectorAll("a")) dress(link, mentioning);
  return clean;
}

/** Plain text: its line breaks are kept by the style sheet. */
export function fromText(text: string, mentioning: Mentioning): DocumentFragment {
  const fragment = document.createDocumentFragment();
  fragment.append(text);
  linkTexts(fragment);
  for (const link of fragment.querySelectorAll("a")) dress(link, mentioning);
  return fragment;
}

/** A few emoji and nothing else. */
export function isBigEmoji(text: string): boolean {
  return text.length < 100 && BIG_EMOJI.test(text.trim());
}

/** The first address in a message that leads to a page. */
export function firstLink(text: string): string | undefined {
  return find(text.slice(0, HTML_LENGTH_MAX), "url").find((each) => isMeant(each.value, each.href) && !parseMatrixLink(each.href))?.href;
}

function linkTexts(root: DocumentFragment): void {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode()) texts.push(walker.currentNode as Text);
  for (const text of texts) {
    if (!text.parentElement?.closest("a, code, pre")) linkText(text);
  }
}

function linkText(text: Text): void {
  const found = find(text.data).filter((each) => each.isLink && isMeant(each.value, each.href));
  if (!found.length) return;
  const pieces: (string | Node)[] = [];
  let at = 0;
  for (const { start, end, href, value } of found) {
    const link = document.createElement("a");
    link.href = href.replace(/^http:(?=\/\/)/, value.startsWith("http:") ? "http:" : "https:");
    link.textContent = value;
    pieces.push(text.data.slice(at, start), link);
    at = end;
  }
  text.replaceWith(...pieces, text.data.slice(at));
}

/** "notes.md" is a file to whoever writes it, not a place in Moldova. */
function isMeant(value: string, href: string): boolean {
  return /^(?:https?|ftp|mailto):/i.test(value) || href.startsWith("mailto:") || /^www\./i.test(value) || BARE_DOMAINS.test(value);
}

function dress(link: HTMLAnchorElement, { viewer, roomId }: Mentioning): void {
  const href = link.getAttribute("href") ?? "";
  const target = parseMatrixLink(href);
  if (!target) {
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
    if (!SAFE_LINK.test(href)) link.removeAttribute("href");
    return;
  }
  link.dataset.matrix = target.id;
  if (target.eventId) link.dataset.event = target.eventId;
  if (target.via.length) link.dataset.via = target.via.join(",");
  if (target.id === roomId && !target.eventId) link.dataset.here = "";
  if (!target.eventId) link.className = target.id === viewer ? "pill me" : "pill";
}

function tidy(element: HTMLElement): void {
  const language = element.tagName === "CODE" && /(?:^|\s)(language-[\w-]+)/.exec(element.className)?.[1];
  if (language) element.className = language;
  else element.removeAttribute("class");
  if (element.tagName === "IMG") return element.replaceWith(element.getAttribute("alt") || element.getAttribute("title") || "🖼");
  const reason = element.getAttribute("data-mx-spoiler");
  if (reason === null) return;
  element.removeAttribute("data-mx-spoiler");
  element.className = "spoiler";
  element.setAttribute("role", "button");
  element.setAttribute("aria-expanded", "false");
  element.tabIndex = 0;
  if (reason) element.dataset.reason = reason;
}

function flatten(root: DocumentFragment): void {
  for (const element of [...root.querySelectorAll("*")]) {
    let depth = 0;
    for (let at: Node | null = element; at && at !== root; at = at.parentNode) depth++;
    if (depth === DEPTH_MAX) element.replaceChildren(element.textContent ?? "");
  }
}

function emojiOnly(): RegExp {
  try {
    return new RegExp("^(?:\\p{RGI_Emoji}\\s*){1,6}$", "v");
  } catch {
    return /^(?:\p{Extended_Pictographic}\uFE0F?\s*){1,6}$/u; // browsers of before 2023
  }
}
