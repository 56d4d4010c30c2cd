/**
 * The timeline of an open room or thread: a bounded window of its history as rows, that goes on at both ends.
 *
 * It opens on what sync has brought already, or around an event; takes up what arrives while it reaches the present;
 * lets go of what is far from where the reader is, so that neither a long read nor a busy room grows. Rows change at
 * most once a frame. `close` it.
 */

import { effect, signal } from "@preact/signals";
import {
  EventTimeline,
  type IEvent,
  type MatrixClient,
  type MatrixEvent,
  MatrixError,
  type Room,
} from "matrix-js-sdk";

import { Audiences, type Readers } from "./audience";
import { nameIn } from "./happened";
import { isTrimmed } from "./live-trim";
import { pendingIn } from "./outbox";
import { MAIN } from "./readers";
import { readUpTo, receiptsVersion } from "./receipts";
import { follow } from "./timeline/follow";
import { kindOf, redactedBy, relationOf, threadOf } from "./timeline/kinds";
import { noteOpen } from "./timeline/open";
import { type Direction, roomSource, type Source, threadSource, tokenAt } from "./timeline/pages";
import { Relations } from "./timeline/relations";
import { belongs, type Row, rowsOf } from "./timeline/rows";
import { EventWindow } from "./timeline/window";

const WINDOW_EVENTS_MAX = 600; // kept while reading
const SPARE_EVENTS = 100; // more than that, before the oldest are let go together
const ARRIVING_EVENTS_MAX = 1_200; // kept while the reader is elsewhere and messages come in
const CATCH_UP_TRIES = 5; // pages read until the window meets what sync has brought

export { eventsOf, findEvent } from "./timeline/open";
export type Edge = "more" | "loading" | "none" | "failed";

export class RoomTimeline {
  readonly rows = signal<readonly Row[]>([]);
  readonly older = signal<Edge>("more");
  readonly newer = signal<Edge>("none");
  /** How many messages of others came while the reader was elsewhere. */
  readonly missed = signal(0);
  /** The reader stays at the newest message; set by the view. */
  following = true;
  /** Event that the reader had read up to when the room was opened; the line of what is new stands behind it. */
  readonly readBefore: string | undefined;
  private readonly window = new EventWindow<MatrixEvent>();
  private relations = new Relations();
  private readonly audiences: Audiences;
  private readonly source: Source;
  private readonly viewer: string;
  private readonly stops: (() => void)[];
  private known: ReadonlyMap<string, Row> = new Map();
  private frame = 0;
  private opened = 0; // counts, so that an answer to a question of before is dropped

  constructor(
    private readonly client: MatrixClient,
    readonly room: Room,
    readonly thread?: string,
  ) {
    this.viewer = client.getSafeUserId();
    this.source = thread ? threadSource(client, room, thread) : roomSource(client, room);
    this.readBefore = readUpTo(room.roomId, this.viewer, this.scope)?.eventId;
    this.audiences = new Audiences(client, room, () => this.change());
    this.stops = [
      follow(client, room, { arrived: (event) => this.arrive(event), gap: () => this.onGap(), changed: () => this.change() }),
      effect(() => {
        pendingIn(room.roomId);
        receiptsVersion(room.roomId).value;
        this.change();
      }),
      noteOpen(this),
    ];
  }

  get scope(): string {
    return this.thread ?? MAIN;
  }

  get events(): readonly MatrixEvent[] {
    return this.window.events;
  }

  /** Who has read an event and who has not, as far as their names are known. */
  readersOf(eventId: string): Readers {
    return this.audiences.readersOf(this.window.events, this.scope, this.window.live, eventId);
  }

  get live(): boolean {
    return this.window.live;
  }

  /** Show the newest messages, or those around an event. Throws when the event cannot be had. */
  async open(eventId?: string): Promise<void> {
    if (eventId && this.window.has(eventId)) return;
    const turn = ++this.opened;
    if (!eventId && !this.thread) return this.openLive();
    this.older.value = "loading";
    const { events, back, forward } = await this.source.around(eventId ?? "").catch((error: unknown) => {
      if (turn === this.opened) this.older.value = "failed";
      throw error;
    });
    if (turn !== this.opened) return;
    this.note(events);
    const live = Boolean(this.thread);
    this.window.reset(events.filter((each) => this.keeps(each)), back, forward, live);
    if (live) this.note(this.liveEvents()); // replies that came while the page was on its way
    this.settle();
  }

  async loadOlder(): Promise<void> {
    await this.load("b");
  }

  async loadNewer(): Promise<void> {
    await this.load("f");
  }

  /** After a failure, by the person's wish. */
  async retry(direction: Direction): Promise<void> {
    if (this.window.events.length) return this.load(direction);
    await this.open().catch(() => undefined);
  }

  /** The newest event of this room or thread, whatever it is. */
  get newest(): MatrixEvent | undefined {
    return this.window.events.findLast((event) => belongs(event, this.thread));
  }

  /** The message that an event is about: itself, or what it edits, answers in a reaction, or the root of its thread. */
  messageOf(eventId: string): string {
    const event = this.window.get(eventId) ?? this.room.findEventById(eventId);
    if (!event || kindOf(event) !== "about") return eventId;
    return relationOf(event)?.target ?? eventId;
  }

  /** The root of the thread that an event, or the message it is about, is in. */
  threadRootOf(eventId: string): string | undefined {
    const event = this.eventOf(this.messageOf(eventId));
    return event && threadOf(event);
  }

  /** Whether an event stands behind another one; undefined where that is not at hand. */
  isBehind(event: MatrixEvent, other: string): boolean | undefined {
    const [place, before] = [this.window.indexOf(event.getId()!), this.window.indexOf(other)];
    return place === -1 || before === -1 ? undefined : place > before;
  }

  eventOf(id: string): MatrixEvent | undefined {
    return this.window.get(id) ?? this.room.findEventById(id);
  }

  /** Whether it is certain that there is something unread before what is loaded. */
  get unreadIsFarther(): boolean {
    return this.readBefore !== undefined && this.window.live && this.window.back !== null && !this.window.has(this.readBefore);
  }

  close(): void {
    this.opened++;
    cancelAnimationFrame(this.frame);
    this.audiences.close();
    for (const stop of this.stops) stop();
  }

  /** Draw again, at the next frame. */
  private change(): void {
    if (this.frame || !this.opened) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.publish();
    });
  }

  private publish(): void {
    const { window, room } = this;
    const names = new Map<string, string>(); // a few people say hundreds of messages
    const nameOf = (userId: string) => {
      const name = names.get(userId) ?? nameIn(room, userId);
      names.set(userId, name);
      return name;
    };
    this.rows.value = rowsOf(
      {
        events: window.events,
        relations: this.relations,
        pending: window.live ? pendingIn(room.roomId) : pendingIn(room.roomId).filter((each) => each.content["m.relates_to"]),
        viewer: this.viewer,
        thread: this.thread,
        unread: this.audiences.unread(window.events, this.scope, window.live),
        firstUnread: this.firstUnread(),
        nameOf,
        threadUnread: (root, latest) => this.threadUnread(root, latest),
        looksOf: (eventId) => looksOf(this.eventOf(eventId)),
      },
      this.known,
    );
    this.known = new Map(this.rows.peek().map((row) => [row.key, row]));
  }

  private openLive(): void {
    const live = this.room.getLiveTimeline();
    const events = this.liveEvents();
    const token = isTrimmed(live) ? undefined : live.getPaginationToken(EventTimeline.BACKWARDS);
    const complete = events[0]?.getType() === "m.room.create" || !events.length;
    this.relations = new Relations(); // what was known may have been taken back in a gap of sync
    this.note(events);
    this.window.reset(events, token ?? (complete ? null : undefined), null, true);
    this.settle();
  }

  private settle(): void {
    this.older.value = this.window.back === null ? "none" : "more";
    this.newer.value = this.window.live ? "none" : "more";
    this.publish();
  }

  private async load(direction: Direction): Promise<void> {
    const edge = direction === "b" ? this.older : this.newer;
    if (edge.peek() === "loading" || edge.peek() === "none") return;
    const turn = this.opened;
    edge.value = "loading";
    try {
      const page = await this.source.page(direction, await this.token(direction));
      if (turn !== this.opened) return;
      this.note(page.events);
      const kept = page.events.filter((each) => this.keeps(each));
      if (direction === "b") this.window.prepend(kept, page.next);
      else this.window.append(kept, page.next);
      const isReached = direction === "b" || page.next !== null || (await this.catchUp(turn));
      if (turn !== this.opened) return;
      this.shrink(direction === "b" ? "end" : "start");
      if (!isReached) edge.value = "failed"; // sync is far behind: later, by the person's wish
    } catch (error) {
      if (turn !== this.opened) return;
      edge.value = error instanceof MatrixError && error.httpStatus === 404 ? "none" : "failed";
    }
  }

  private async token(direction: Direction): Promise<string | undefined> {
    const { window } = this;
    const known = direction === "b" ? window.back : window.forward;
    if (known !== undefined) return known ?? undefined;
    const outermost = direction === "b" ? window.events[0] : window.events.at(-1);
    if (!outermost) return undefined;
    return (await tokenAt(this.client, this.room, outermost.getId()!, direction)) ?? undefined;
  }

  /** Pages and sync run apart: go on until the last event of the one is found in the other. Returns whether it was. */
  private async catchUp(turn: number): Promise<boolean> {
    const { window } = this;
    for (let tries = 0; tries < CATCH_UP_TRIES; tries++) {
      const live = this.liveEvents();
      const met = live.findLastIndex((each) => window.has(each.getId()!));
      if (met !== -1 || !live.length) {
        window.live = true;
        window.append(live.slice(met + 1), null);
        return true;
      }
      window.forward = undefined;
      const page = await this.source.page("f", await this.token("f"));
      if (turn !== this.opened) return false;
      this.note(page.events);
      window.append(page.events.filter((each) => this.keeps(each)), page.next);
    }
    window.forward = undefined;
    return false;
  }

  /** First draw what came, then let go of the other end: a view keeps its place best by one change at a time. */
  private shrink(side: "start" | "end"): void {
    this.settle();
    if (this.window.events.length <= WINDOW_EVENTS_MAX) return;
    const turn = this.opened;
    requestAnimationFrame(() => {
      if (turn !== this.opened || (side === "end" && this.following)) return;
      this.window.trim(WINDOW_EVENTS_MAX, side);
      this.settle();
    });
  }

  private liveEvents(): MatrixEvent[] {
    return this.room.getLiveTimeline().getEvents().filter((each) => !each.status && this.keeps(each));
  }

  private keeps(event: MatrixEvent): boolean {
    return !this.thread || belongs(event, this.thread);
  }

  private note(events: readonly MatrixEvent[]): void {
    for (const event of events) {
      this.replace(this.relations.add(event));
      const latest = event.getServerAggregatedRelation<{ latest_event?: Partial<IEvent> }>("m.thread")?.latest_event;
      if (latest) this.relations.setLatest(event.getId()!, this.client.getEventMapper()({ ...latest, room_id: this.room.roomId }));
    }
  }

  /** The SDK's event says what its newest edit says, for those who are given the event. */
  private replace(id: string | undefined): void {
    const event = id === undefined ? undefined : this.window.get(id);
    const edit = event && this.relations.editOf(event);
    if (event && edit && event.replacingEvent() !== edit) event.makeReplaced(edit);
  }

  private arrive(event: MatrixEvent): void {
    this.note([event]);
    const redacted = event.isRedaction() ? redactedBy(event) : undefined;
    if (redacted) this.redact(redacted, event);
    const { window } = this;
    if (!this.following && kindOf(event) === "message" && belongs(event, this.thread) && event.getSender() !== this.viewer) this.missed.value++;
    if (!window.live || window.has(event.getId()!) || !this.keeps(event)) return this.change();
    window.push(event);
    if (this.following && window.events.length > WINDOW_EVENTS_MAX + SPARE_EVENTS) window.trim(WINDOW_EVENTS_MAX, "start");
    else if (!this.following && window.trim(ARRIVING_EVENTS_MAX, "end").length) this.newer.value = "more";
    if (this.following && window.back === undefined) this.older.value = "more";
    this.change();
  }

  private redact(id: string, redaction: MatrixEvent): void {
    this.relations.remove(id);
    const target = this.window.get(id);
    if (target && !target.isRedacted()) target.makeRedacted(redaction, this.room);
  }

  /** Sync left a gap: what is shown is history now, or, for who stayed at the end, begins anew. */
  private onGap(): void {
    if (!this.window.live) return;
    if (!this.following) {
      this.window.live = false;
      this.window.forward = undefined;
      this.newer.value = "more";
    } else if (this.thread) {
      void this.open().catch(() => undefined); // the edge says that it failed
    } else {
      this.relations = new Relations();
      this.window.reset([], this.room.getLiveTimeline().getPaginationToken(EventTimeline.BACKWARDS), null, true);
      this.older.value = "more";
    }
    this.change();
  }

  private firstUnread(): string | undefined {
    const { window, readBefore } = this;
    if (readBefore === undefined) return undefined;
    const place = window.indexOf(readBefore);
    if (place === -1) return undefined;
    const first = window.events.slice(place + 1).find((each) => kindOf(each) === "message" && belongs(each, this.thread));
    return first?.getSender() === this.viewer ? undefined : first?.getId();
  }

  private threadUnread(root: string, latest: MatrixEvent | undefined): boolean {
    if (!latest || latest.getSender() === this.viewer) return false;
    const read = readUpTo(this.room.roomId, this.viewer, root);
    return !read || (read.eventId !== latest.getId() && read.at < latest.getTs());
  }
}

function looksOf(event: MatrixEvent | undefined): string {
  return event ? [event.getType(), event.isRedacted(), event.replacingEvent()?.getId()].join() : "";
}
