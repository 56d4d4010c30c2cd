/**
 * What other events say about messages: reactions, edits, and how long their threads are.
 *
 * Fed with every event that comes by, in any order; what it knows outlives the window, up to a limit, because a
 * reaction may stand far behind the message that it is about.
 */

import { EventType, type IContent, type MatrixEvent, RelationType } from "matrix-js-sdk";

import { relationOf } from "./kinds";

const RELATIONS_MAX = 4_000; // events remembered; then the oldest half is forgotten
const REACTION_LENGTH_MAX = 64; // longer keys are no emoji but somebody's prank
const REACTIONS_MAX = 30; // kinds shown at one message

export interface Reaction {
  key: string;
  senders: string[];
  mine?: string; // event id of the viewer's own
}

export interface ThreadSummary {
  count: number;
  latest?: MatrixEvent;
}

interface Thread {
  bundled: number;
  bundledLatest?: MatrixEvent;
  replies: Map<string, MatrixEvent>;
}

export class Relations {
  private readonly related = new Map<string, MatrixEvent>(); // by id, in the order they came
  private readonly reactions = new Map<string, Map<string, MatrixEvent>>(); // by target, by id
  private readonly edits = new Map<string, Map<string, MatrixEvent>>();
  private readonly threads = new Map<string, Thread>(); // by root

  /** Take note of an event. Returns the id of the message that looks different now, if any. */
  add(event: MatrixEvent): string | undefined {
    const id = event.getId();
    if (!id || event.isState()) return undefined;
    this.bundledThread(event);
    const about = relationOf(event);
    if (!about || event.isRedacted() || this.related.has(id)) return undefined;
    if (about.type === RelationType.Annotation && event.getType() === EventType.Reaction) {
      within(this.reactions, about.target).set(id, event);
    } else if (about.type === RelationType.Replace) {
      within(this.edits, about.target).set(id, event);
    } else if (about.type === RelationType.Thread) {
      this.thread(about.target).replies.set(id, event);
    } else return undefined;
    this.related.set(id, event);
    this.forgetOldest();
    return about.target;
  }

  /** An event was redacted: what it said is unsaid. Returns the message concerned. */
  remove(id: string): string | undefined {
    const event = this.related.get(id);
    if (!event) return undefined;
    this.related.delete(id);
    for (const kind of [this.reactions, this.edits]) {
      for (const [target, children] of kind) if (children.delete(id)) return target;
    }
    for (const [root, thread] of this.threads) {
      if (!thread.replies.delete(id)) continue;
      if (thread.bundledLatest && event.getTs() <= thread.bundledLatest.getTs()) thread.bundled--;
      if (thread.bundledLatest?.getId() === id) thread.bundledLatest = undefined;
      return root;
    }
    return undefined;
  }

  reactionsOf(id: string, viewer: string): Reaction[] {
    const byKey = new Map<string, Reaction>();
    for (const event of this.reactions.get(id)?.values() ?? []) {
      const key = relationOf(event)?.key;
      const sender = event.getSender();
      if (!key || !sender || key.length > REACTION_LENGTH_MAX || event.isRedacted()) continue;
      const reaction = byKey.get(key) ?? { key, senders: [] };
      if (!byKey.has(key) && byKey.size >= REACTIONS_MAX) continue;
      byKey.set(key, reaction);
      if (sender === viewer) reaction.mine = event.getId();
      if (!reaction.senders.includes(sender)) reaction.senders.push(sender);
    }
    return [...byKey.values()];
  }

  /** The edit that counts: the newest by the message's own sender, of the same type, not redacted. */
  editOf(event: MatrixEvent): MatrixEvent | undefined {
    let newest: MatrixEvent | undefined;
    for (const edit of [event.replacingEvent(), ...(this.edits.get(event.getId()!)?.values() ?? [])]) {
      if (!edit || edit.getSender() !== event.getSender() || edit.isRedacted() || edit.getType() !== event.getType()) continue;
      if (newContentOf(edit) && (!newest || edit.getTs() >= newest.getTs())) newest = edit;
    }
    return newest;
  }

  threadOf(id: string): ThreadSummary | undefined {
    const thread = this.threads.get(id);
    if (!thread) return undefined;
    let latest = thread.bundledLatest;
    let later = 0; // than the bundle tells of
    for (const reply of thread.replies.values()) {
      if (thread.bundledLatest && reply.getTs() > thread.bundledLatest.getTs()) later++;
      if (!latest || reply.getTs() >= latest.getTs()) latest = reply;
    }
    const count = Math.max(thread.bundled + later, thread.replies.size);
    return count > 0 ? { count, latest } : undefined;
  }

  /** The number of a thread's replies comes with its root; the replies themselves may be far away. */
  private bundledThread(root: MatrixEvent): void {
    const bundle = root.getServerAggregatedRelation<{ count?: number }>(RelationType.Thread);
    if (typeof bundle?.count !== "number" || bundle.count < 1) return;
    const thread = this.thread(root.getId()!);
    if (bundle.count > thread.bundled) thread.bundled = bundle.count;
  }

  /** The latest reply of a bundle, once it was made an event. */
  setLatest(root: string, latest: MatrixEvent): void {
    const thread = this.thread(root);
    if (!thread.bundledLatest || latest.getTs() >= thread.bundledLatest.getTs()) thread.bundledLatest = latest;
  }

  private thread(root: string): Thread {
    let thread = this.threads.get(root);
    if (!thread) this.threads.set(root, (thread = { bundled: 0, replies: new Map() }));
    return thread;
  }

  private forgetOldest(): void {
    if (this.related.size <= RELATIONS_MAX) return;
    let excess = RELATIONS_MAX / 2;
    for (const [id, event] of this.related) {
      if (excess-- <= 0) break;
      const target = relationOf(event)?.target ?? "";
      this.related.delete(id);
      this.reactions.get(target)?.delete(id);
      this.edits.get(target)?.delete(id);
      this.threads.get(target)?.replies.delete(id);
    }
  }
}

/** What a message says after an edit; undefined for an edit that says nothing (yet). */
export function newContentOf(edit: MatrixEvent): IContent | undefined {
  const content: unknown = edit.getContent()["m.new_content"];
  return typeof content === "object" && content !== null ? content : undefined;
}

function within<V>(map: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let inner = map.get(key);
  if (!inner) map.set(key, (inner = new Map()));
  return inner;
}
