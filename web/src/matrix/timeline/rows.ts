/**
 * The rows of a timeline as plain data: what a message says, by whom, when, what others made of it.
 *
 * Built anew on every change, which is cheap; a row in which nothing changed is the same object as before, so that
 * only those that did are drawn again. `event` is there for the bodies that need it (media, decryption).
 */

import type { IContent, MatrixEvent } from "matrix-js-sdk";

import type { Pending } from "../outbox";
import { type Body, bodyOf, bodyOfContent, kindOf, threadOf } from "./kinds";
import { newContentOf, type Reaction, type Relations } from "./relations";

const RUN_MS = 5 * 60_000; // messages of one person that stand together share a name

interface Common {
  key: string;
  id?: string; // of the event; what is still being sent has none
  at: number; // ms since 1970
  newDay: boolean; // a date line stands before it
  firstUnread: boolean; // and the line of what is new
  stamp: string; // the same as long as it looks the same
}

export interface MessageRow extends Common {
  kind: "message";
  sender: string;
  name: string;
  mine: boolean;
  runStart: boolean;
  runEnd: boolean;
  body: Body;
  content: IContent; // as last edited
  edited: boolean;
  replyTo?: string;
  quoted?: string; // another text whenever what it answers looks different
  reactions: Reaction[];
  thread?: { count: number; latest?: MatrixEvent; unread: boolean };
  unread: number; // people who have not read it; 0 also where nobody counts
  pending?: Pending;
  event?: MatrixEvent;
}

export interface StateRow extends Common {
  kind: "state";
  event: MatrixEvent;
}

export type Row = MessageRow | StateRow;

export interface Material {
  events: readonly MatrixEvent[];
  relations: Relations;
  pending: readonly Pending[];
  viewer: string;
  thread?: string; // the root, for the rows of a thread
  unread: readonly number[]; // by place in `events`; empty where nobody counts
  firstUnread?: string; // event id
  nameOf(userId: string): string;
  threadUnread(root: string, latest: MatrixEvent | undefined): boolean;
  /** Another text whenever an event looks different where it is quoted. */
  looksOf(eventId: string): string;
}

export function rowsOf(material: Material, before: ReadonlyMap<string, Row>): Row[] {
  const undone = new Set(material.pending.map((each) => each.redacts).filter(Boolean) as string[]);
  const rows: Row[] = [];
  const drawn = new Set<string>();
  material.events.forEach((event, place) => {
    drawn.add(event.getUnsigned().transaction_id ?? "").add(event.getId()!);
    if (!belongs(event, material.thread) || undone.has(event.getId()!)) return;
    const kind = kindOf(event);
    const counts = material.thread === undefined || threadOf(event) === material.thread; // a root is read in its room
    if (kind === "message") rows.push(message(event, material, (counts && material.unread[place]) || 0));
    if (kind === "state" && !material.thread) rows.push(state(event));
  });
  if (!material.thread || rows.length) rows.push(...pendingRows(material, drawn));
  joinRuns(rows, material.firstUnread);
  return rows.map((row) => {
    const known = before.get(row.key);
    return known?.stamp === row.stamp ? known : row;
  });
}

/** In the room what is in no thread; in a thread its root and what is in it. */
export function belongs(event: MatrixEvent, thread: string | undefined): boolean {
  const root = threadOf(event);
  return thread ? root === thread || event.getId() === thread : root === undefined;
}

function message(event: MatrixEvent, material: Material, unread: number): MessageRow {
  const id = event.getId()!;
  const sender = event.getSender() ?? "";
  const body = bodyOf(event);
  const edit = body === "redacted" ? undefined : material.relations.editOf(event);
  const ownEdit = material.pending.findLast((each) => isAbout(each, "m.replace", id));
  const content = (ownEdit?.content["m.new_content"] ?? (edit && newContentOf(edit)) ?? event.getOriginalContent()) as IContent;
  const reactions = body === "redacted" ? [] : withPending(material.relations.reactionsOf(id, material.viewer), id, material);
  const summary = material.thread ? undefined : material.relations.threadOf(id);
  const thread = summary && { ...summary, unread: material.threadUnread(id, summary.latest) };
  const name = material.nameOf(sender);
  const replyTo = body === "redacted" ? undefined : replyOf(event.getWireContent());
  const quoted = replyTo && material.looksOf(replyTo);
  const row: MessageRow = {
    kind: "message",
    key: event.getUnsigned().transaction_id ?? id,
    id,
    at: event.getTs(),
    newDay: false,
    firstUnread: false,
    sender,
    name,
    mine: sender === material.viewer,
    runStart: true,
    runEnd: true,
    body: body === "text" || body === "notice" || body === "emote" ? bodyOfContent("m.room.message", content.msgtype) : body,
    content,
    edited: Boolean(edit ?? ownEdit),
    replyTo,
    quoted,
    reactions,
    thread,
    unread,
    pending: ownEdit,
    event,
    stamp: "",
  };
  const said = reactions.map((r) => `${r.key}${r.senders.length}${r.senders.at(-1) ?? ""}${r.mine ?? ""}`).join();
  row.stamp = [id, body, name, edit?.getId(), ownEdit?.txnId, ownEdit?.state, said, unread, quoted]
    .concat(thread && [thread.count, thread.latest?.getId(), thread.latest?.isRedacted(), thread.unread].join("/"))
    .join("|");
  return row;
}

function state(event: MatrixEvent): StateRow {
  const id = event.getId()!;
  return { kind: "state", key: id, id, at: event.getTs(), newDay: false, firstUnread: false, event, stamp: `${id}${event.isRedacted()}` };
}

function pendingRows({ pending, viewer, thread, nameOf }: Material, drawn: ReadonlySet<string>): MessageRow[] {
  return pending
    .filter((each) => isSaid(each) && each.threadId === thread && !drawn.has(each.txnId) && !drawn.has(each.eventId ?? each.txnId))
    .map((each) => ({
      kind: "message",
      key: each.txnId,
      at: each.at,
      newDay: false,
      firstUnread: false,
      sender: viewer,
      name: nameOf(viewer),
      mine: true,
      runStart: true,
      runEnd: true,
      body: bodyOfContent(each.type, each.content.msgtype),
      content: each.content,
      edited: false,
      replyTo: replyOf(each.content),
      reactions: [],
      unread: 0,
      pending: each,
      stamp: `${each.txnId}|${each.state}|${each.failure ?? ""}`,
    }));
}

function isSaid(pending: Pending): boolean {
  const about = pending.content["m.relates_to"]?.rel_type;
  return (pending.type === "m.room.message" || pending.type === "m.sticker") && about !== "m.replace";
}

function isAbout(pending: Pending, relation: string, id: string): boolean {
  const about = pending.content["m.relates_to"];
  return about?.rel_type === relation && about.event_id === id;
}

/** The viewer's own reactions count from the moment they are given, and no longer from the moment they are taken back. */
function withPending(reactions: Reaction[], id: string, { pending, viewer }: Material): Reaction[] {
  let shown = reactions;
  for (const each of pending) {
    if (each.redacts) shown = shown.map((r) => (r.mine === each.redacts ? without(r, viewer) : r)).filter((r) => r.senders.length);
    const key = isAbout(each, "m.annotation", id) && each.content["m.relates_to"]?.key;
    if (!key) continue;
    const known = shown.find((r) => r.key === key);
    if (known?.mine) continue;
    const mine = { key, senders: [...(known?.senders ?? []), viewer], mine: each.eventId ?? each.txnId };
    shown = known ? shown.map((r) => (r === known ? mine : r)) : [...shown, mine];
  }
  return shown;
}

function without(reaction: Reaction, viewer: string): Reaction {
  return { key: reaction.key, senders: reaction.senders.filter((each) => each !== viewer) };
}

/** What a message answers; in a thread a fallback for clients without threads is no answer. */
function replyOf(content: IContent): string | undefined {
  const relation = content["m.relates_to"];
  if (relation?.rel_type === "m.thread" && relation.is_falling_back !== false) return undefined;
  const id: unknown = relation?.["m.in_reply_to"]?.event_id;
  return typeof id === "string" ? id : undefined;
}

/** Which rows begin a day, and which stand together under one name. Finishes their stamps. */
function joinRuns(rows: Row[], firstUnread: string | undefined): void {
  let before: Row | undefined;
  let day = { from: 0, to: 0 };
  for (const row of rows) {
    row.newDay = row.at < day.from || row.at >= day.to;
    if (row.newDay) day = dayOf(row.at);
    row.firstUnread = row.id !== undefined && row.id === firstUnread;
    if (row.kind === "message") {
      const together = before?.kind === "message" && before.sender === row.sender && row.at - before.at < RUN_MS;
      row.runStart = !together || row.newDay || row.firstUnread;
      if (before?.kind === "message") before.runEnd = row.runStart;
    }
    before = row;
  }
  for (const row of rows) {
    const run = row.kind === "message" ? `${row.runStart}${row.runEnd}` : "";
    row.stamp = `${row.stamp}|${row.newDay}${row.firstUnread}${run}`;
  }
}

/** From one midnight of this device to the next, in ms. */
function dayOf(at: number): { from: number; to: number } {
  const from = new Date(at).setHours(0, 0, 0, 0);
  return { from, to: new Date(from).setDate(new Date(from).getDate() + 1) };
}
