/**
 * The queue of what was written: each entry is kept before it is tried, tried in the order of its room until the server
 * has answered, and forgotten once it is acknowledged. It never changes an entry's transaction id, so however often a
 * message is tried, at whichever site, after whatever reload, it exists once.
 */

import { signal } from "@preact/signals";

import { type Draft, ENTRIES_MAX, type Entry, newTxnId, nextUp, type Outcome, revived, UNKEPT, type Verdict, verdict } from "./outbox-rules";
import type { OutboxStore } from "./outbox-store";

const SYNCS_MAX = 2; // after the acknowledgement: an event not seen by then came in a gap of the timeline

/** There is no room for more that waits: send or discard some first. */
export class OutboxFull extends Error {}

/** Thrown by a delivery that can tell why it will never work. */
export class Undeliverable extends Error {
  constructor(readonly verdict: Verdict & { then: "fail" }) {
    super(verdict.failure);
  }
}

export interface Person {
  userId: string;
  deviceId: string;
}

/** Put an entry to the server: gives the event's id; throws what `outcomeOf` understands. */
export type Deliver = (entry: Entry) => Promise<string>;

export class Queue {
  readonly entries = signal<readonly Entry[]>([]);
  /** Ms since 1970 until which the server wants nothing from this person. */
  readonly restUntil = signal(0);
  private person: Person | null = null;
  private readonly heldRooms = new Set<string>();
  private readonly timers = new Set<ReturnType<typeof setTimeout>>();
  private resting: ReturnType<typeof setTimeout> | null = null; // the server wants nothing, until then
  private readonly syncs = new Map<string, number>(); // by txn id: answers of sync since the acknowledgement

  constructor(
    private readonly store: OutboxStore,
    private readonly deliver: Deliver,
    private readonly outcomeOf: (error: unknown) => Outcome,
  ) {}

  /** Take up what this person has left here; from now on it goes out. */
  async start(person: Person): Promise<void> {
    this.stop();
    this.person = person;
    await this.reload();
  }

  /** What another page of this browser has added is taken up too. */
  async reload(): Promise<void> {
    const person = this.person;
    if (!person) return;
    const kept = await this.untwinned(await this.store.list(person.userId));
    if (this.person !== person) return;
    const known = new Set(this.entries.value.map((entry) => entry.txnId));
    const more = kept.filter((entry) => !known.has(entry.txnId)).map((entry) => revived(entry, person.deviceId));
    this.entries.value = [...this.entries.value, ...more].sort((a, b) => a.number - b.number);
    this.pump();
  }

  /** Nothing more is sent; everything stays kept. */
  stop(): void {
    this.person = null;
    this.endRest();
    this.hurry();
    this.syncs.clear();
    this.entries.value = [];
  }

  /** Resolves with the transaction id as soon as the entry is kept. It is shown at once. One that is here already stays as it is. */
  async add(draft: Draft, encrypted?: boolean, txnId = newTxnId()): Promise<string> {
    const person = this.person;
    if (!person) throw new Error("nobody is signed in");
    if (this.find(txnId)) return txnId;
    if (this.entries.value.length >= ENTRIES_MAX) throw new OutboxFull();
    const entry = {
      ...draft, ...person, encrypted, txnId, at: Date.now(), state: "waiting" as const, tries: 0,
    };
    this.entries.value = [...this.entries.value, { ...entry, number: UNKEPT }];
    const number = await this.store.add(entry);
    if (!this.change(entry.txnId, { number })) await this.store.remove([number]); // discarded meanwhile
    this.pump();
    return entry.txnId;
  }

  /** Try a failed one again: now, behind whatever else waits in its room. */
  async retry(txnId: string): Promise<void> {
    const { person } = this;
    const old = this.find(txnId);
    if (!person || old?.state !== "failed") return;
    const { number, failure, error, ...rest } = old;
    const encrypted = failure === "unsure" && old.deviceId === person.deviceId ? !old.encrypted : old.encrypted;
    const entry = { ...rest, ...person, encrypted, state: "waiting" as const, tries: 0 };
    this.entries.value = [...this.entries.value.filter((each) => each !== old), { ...entry, number: UNKEPT }];
    const added = await this.store.add(entry);
    await this.store.remove([number]);
    if (!this.change(txnId, { number: added })) await this.store.remove([added]); // discarded meanwhile
    this.pump();
  }

  /** Forget one that is not under way. */
  async discard(txnId: string): Promise<void> {
    const entry = this.find(txnId);
    if (!entry || entry.state === "sending" || entry.state === "sent") return;
    await this.forget(entry);
  }

  /** Everything that a person has left here, on whichever session. */
  async forgetAll(userId: string): Promise<void> {
    const kept = await this.store.list(userId);
    await this.store.remove(kept.map((entry) => entry.number));
    this.entries.value = this.entries.value.filter((entry) => entry.userId !== userId);
  }

  /** An event came by sync: if it is one of these, it is pending no more. */
  arrived(eventId: string | undefined, txnId: string | undefined): void {
    const entry = this.entries.value.find((each) => each.txnId === txnId || (each.eventId && each.eventId === eventId));
    if (entry) void this.forget(entry);
  }

  /** An answer of sync has been applied: what was acknowledged before it was asked for must be in it, or in a gap. */
  synced(): void {
    for (const entry of this.entries.value) {
      if (entry.state !== "sent") continue;
      const syncs = (this.syncs.get(entry.txnId) ?? 0) + 1;
      this.syncs.set(entry.txnId, syncs);
      if (syncs >= SYNCS_MAX) void this.forget(entry);
    }
  }

  /** The way to a site is open again: what waited for a next try does not wait any longer, unless the server said so. */
  hurry(): void {
    this.timers.forEach(clearTimeout);
    this.timers.clear();
    this.heldRooms.clear();
    this.pump();
  }

  private pump(): void {
    if (!this.person || this.resting !== null) return;
    for (const entry of nextUp(this.entries.peek(), this.heldRooms)) void this.attempt(entry);
  }

  /** The longest rest that was asked for holds; it ends by its timer, whatever the clock says by then. */
  private rest(ms: number): void {
    const until = Date.now() + ms;
    if (this.resting !== null && until <= this.restUntil.peek()) return;
    this.endRest();
    this.restUntil.value = until;
    this.resting = setTimeout(() => {
      this.endRest();
      this.pump();
    }, ms);
  }

  private endRest(): void {
    if (this.resting !== null) clearTimeout(this.resting);
    this.resting = null;
    this.restUntil.value = 0;
  }

  private async attempt({ txnId, roomId }: Entry): Promise<void> {
    const { person } = this;
    const entry = this.change(txnId, { state: "sending", tries: (this.find(txnId)?.tries ?? 0) + 1 });
    if (!entry) return;
    try {
      const eventId = await this.deliver(entry);
      await this.store.remove([entry.number]);
      if (this.person === person) this.change(txnId, { state: "sent", eventId });
    } catch (error) {
      if (this.person !== person) return;
      const next = error instanceof Undeliverable ? error.verdict : verdict(this.outcomeOf(error), entry.tries);
      await this.follow(next, txnId, roomId);
    }
    this.pump();
  }

  private async follow(next: Verdict, txnId: string, roomId: string): Promise<void> {
    if (next.then === "fail") {
      const failed = this.change(txnId, { state: "failed", failure: next.failure, error: next.error });
      if (failed) await this.store.put(failed);
      return;
    }
    this.change(txnId, { state: "waiting" });
    if (next.then === "rest") return this.stopSending();
    if (next.everything) return this.rest(next.afterMs);
    this.heldRooms.add(roomId);
    this.later(next.afterMs, () => {
      this.heldRooms.delete(roomId);
      this.pump();
    });
  }

  /** The entries stay in sight until the page knows that the session is over. */
  private stopSending(): void {
    this.person = null;
  }

  private later(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      work();
    }, ms);
    this.timers.add(timer);
  }

  private find(txnId: string): Entry | undefined {
    return this.entries.peek().find((entry) => entry.txnId === txnId);
  }

  private change(txnId: string, change: Partial<Entry>): Entry | undefined {
    const entry = this.find(txnId);
    if (!entry) return undefined;
    const changed = { ...entry, ...change };
    this.entries.value = this.entries.value.map((each) => (each === entry ? changed : each));
    return changed;
  }

  /** A retry that was cut short may have left an entry twice: the later one holds. */
  private async untwinned(kept: readonly Entry[]): Promise<Entry[]> {
    const latest = new Map(kept.map((entry) => [entry.txnId, entry]));
    const twins = kept.filter((entry) => latest.get(entry.txnId) !== entry);
    if (twins.length) await this.store.remove(twins.map(({ number }) => number));
    return [...latest.values()];
  }

  private async forget(entry: Entry): Promise<void> {
    this.syncs.delete(entry.txnId);
    this.entries.value = this.entries.value.filter((each) => each.txnId !== entry.txnId);
    if (entry.number !== UNKEPT) await this.store.remove([entry.number]);
  }
}
