/** What was written, as the content of a Matrix event: body, HTML, mentions, and what it answers or replaces. Pure. */

import { type Mention, ROOM } from "../../matrix/mentions";
import type { Written } from "../../matrix/uploads";
import { toHtml } from "./markdown";

/** The message that is answered. What belongs to a thread is told to the outbox, which knows its latest message. */
export interface Answered {
  eventId: string;
  sender: string;
}

type Content = Record<string, unknown> & { msgtype: string; body: string };

// An event holds 65,536 bytes; encryption makes four of three, and the envelope wants some too.
const CONTENT_BYTES_MAX = 45_000;
const SHRUG = "¯\\_(ツ)_/¯";
export const COMMANDS = ["me", "shrug", "plain"] as const;

/** Null where there is nothing to send. */
export function messageContent(written: Written, answered?: Answered): Content | null {
  const content = contentOf(written);
  if (!content) return null;
  const mentioned = mentionsIn(content.body, written.mentions);
  if (answered?.sender && !mentioned.user_ids?.includes(answered.sender)) {
    mentioned.user_ids = [...(mentioned.user_ids ?? []), answered.sender];
  }
  return { ...content, ...relation(answered), "m.mentions": mentioned };
}

/** The same text as what is said of a file; null where it is no mere text. */
export function captionIn({ msgtype, ...said }: Content): Record<string, unknown> | null {
  return msgtype === "m.text" ? said : null;
}

/** `before` are the user ids mentioned in the message as it was: an edit calls only those who are new in it. */
export function editContent(written: Written, eventId: string, before: readonly string[]): Content | null {
  const content = contentOf(written);
  if (!content) return null;
  const mentioned = mentionsIn(content.body, written.mentions);
  const news = mentioned.user_ids?.filter((id) => !before.includes(id));
  return {
    ...content,
    body: `* ${content.body}`,
    ...(content.formatted_body ? { formatted_body: `* ${content.formatted_body as string}` } : {}),
    "m.new_content": { ...content, "m.mentions": mentioned },
    "m.mentions": news?.length ? { user_ids: news } : {},
    "m.relates_to": { rel_type: "m.replace", event_id: eventId },
  };
}

/** Servers would refuse it; said while the text is still where it can be parted. */
export function isTooLong(content: Content): boolean {
  return new TextEncoder().encode(JSON.stringify(content)).length > CONTENT_BYTES_MAX;
}

/** For what is not text too: pictures, voice, files. Who is answered is called. */
export function relation(answered?: Answered): Record<string, unknown> {
  if (!answered) return {};
  const called = answered.sender ? { "m.mentions": { user_ids: [answered.sender] } } : {};
  return { ...called, "m.relates_to": { "m.in_reply_to": { event_id: answered.eventId } } };
}

function contentOf({ text, mentions }: Written): Content | null {
  const { command, rest } = commandOf(text.trim());
  const body = command === "shrug" ? `${rest} ${SHRUG}`.trim() : rest;
  if (!body) return null;
  const html = command === "plain" || command === "shrug" ? null : toHtml(body, mentions);
  return {
    msgtype: command === "me" ? "m.emote" : "m.text",
    body,
    ...(html ? { format: "org.matrix.custom.html", formatted_body: html } : {}),
  };
}

/** Paths such as /etc/hosts are no commands; two strokes begin a text with one. */
function commandOf(text: string): { command?: (typeof COMMANDS)[number]; rest: string } {
  if (/^\/\/\S/.test(text)) return { rest: text.slice(1) };
  const named = COMMANDS.find((each) => new RegExp(`^/${each}(\\s|$)`).test(text));
  return named ? { command: named, rest: text.slice(named.length + 1).trim() } : { rest: text };
}

function mentionsIn(body: string, mentions: readonly Mention[]): { user_ids?: string[]; room?: true } {
  const still = mentions.filter(({ name }) => body.includes(`@${name}`));
  const ids = [...new Set(still.map(({ userId }) => userId))].filter((id) => id !== ROOM);
  return { ...(ids.length ? { user_ids: ids } : {}), ...(still.some(({ userId }) => userId === ROOM) ? { room: true } : {}) };
}
