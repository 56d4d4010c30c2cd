/** One's own messages as they were typed, for an edit; and which of them may be edited. */

import { EventType, type MatrixEvent, MsgType, type Room } from "matrix-js-sdk";

import { matrix } from "../../matrix/client";
import { textOf } from "../../matrix/content";
import type { Mention } from "../../matrix/mentions";
import { eventsOf } from "../../matrix/timeline";
import type { Written } from "../../matrix/uploads";

const EDITED = new Set<unknown>([MsgType.Text, MsgType.Emote]);
const LOOKED_BACK_MAX = 200; // messages
const MENTION_LINK = /<a href="https:\/\/matrix\.to\/#\/(@[^"]+|%40[^"]+)">([^<]*)<\/a>/g;

export function writtenIn(event: MatrixEvent): Written {
  const content = event.getContent();
  const body = textOf(content.body);
  const text = content.msgtype === MsgType.Emote ? `/me ${body}` : body.startsWith("/") ? `/${body}` : body;
  return { text, mentions: mentionsOf(textOf(content.formatted_body)) };
}

export function isEditable(event: MatrixEvent): boolean {
  return (
    event.getSender() === matrix().getUserId() &&
    event.getType() === EventType.RoomMessage &&
    EDITED.has(event.getContent().msgtype) &&
    !event.isRedacted() &&
    !event.isRelation("m.replace") &&
    Boolean(event.getId()?.startsWith("$"))
  );
}

export function lastEditable(room: Room, thread?: string): MatrixEvent | null {
  const events = eventsOf(room.roomId, thread);
  for (const event of events.slice(-LOOKED_BACK_MAX).reverse()) {
    if (isEditable(event)) return event;
  }
  return null;
}

function mentionsOf(html: string): Mention[] {
  return [...html.matchAll(MENTION_LINK)].map(([, id, name]) => ({ userId: decoded(id!), name: unescaped(name!) }));
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

function unescaped(html: string): string {
  return new DOMParser().parseFromString(html, "text/html").body.textContent ?? "";
}
