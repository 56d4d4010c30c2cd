/**
 * A stretch of a room's history: events in the server's order, without a gap, and how to go on at both ends.
 *
 * It holds at most as many as its owner keeps it trimmed to. A token is where the next page begins: `null` where the
 * history ends, `undefined` where it is not known any more (the end was trimmed) and is asked for by the last event.
 */

export type Token = string | null | undefined;

export class EventWindow<E extends { getId(): string | undefined }> {
  events: E[] = [];
  back: Token = null;
  forward: Token = null;
  /** Its last event is the newest of the room: what arrives belongs behind it. */
  live = false;
  private places = new Map<string, number>(); // by event id; counted from `origin`, so that prepending moves nothing
  private origin = 0;

  reset(events: readonly E[], back: Token, forward: Token, live: boolean): void {
    this.events = [];
    this.places.clear();
    this.origin = 0;
    this.append(events, forward);
    this.back = back;
    this.live = live;
  }

  has(id: string): boolean {
    return this.places.has(id);
  }

  get(id: string): E | undefined {
    const place = this.places.get(id);
    return place === undefined ? undefined : this.events[place - this.origin];
  }

  /** The place of an event among `events`, or -1. */
  indexOf(id: string): number {
    const place = this.places.get(id);
    return place === undefined ? -1 : place - this.origin;
  }

  /** Older events, oldest first. Those already here are left out. Returns how many were new. */
  prepend(older: readonly E[], token: Token): number {
    const fresh = this.fresh(older);
    fresh.forEach((event, n) => this.places.set(event.getId()!, this.origin - fresh.length + n));
    this.origin -= fresh.length;
    this.events = [...fresh, ...this.events];
    this.back = token;
    return fresh.length;
  }

  /** Newer events, oldest first. */
  append(newer: readonly E[], token: Token): number {
    const fresh = this.fresh(newer);
    for (const event of fresh) this.push(event);
    this.forward = token;
    return fresh.length;
  }

  push(event: E): void {
    this.places.set(event.getId()!, this.origin + this.events.length);
    this.events.push(event);
  }

  /** Let go of the oldest (`start`) or the newest, down to `kept`. Returns those let go. */
  trim(kept: number, side: "start" | "end"): E[] {
    const extra = this.events.length - kept;
    if (extra <= 0) return [];
    const gone = side === "start" ? this.events.splice(0, extra) : this.events.splice(kept, extra);
    for (const event of gone) this.places.delete(event.getId()!);
    if (side === "start") {
      this.origin += extra;
      this.back = undefined;
    } else {
      this.forward = undefined;
      this.live = false;
    }
    return gone;
  }

  private fresh(events: readonly E[]): E[] {
    const seen = new Set<string>();
    return events.filter((event) => {
      const id = event.getId();
      if (!id || this.places.has(id) || seen.has(id)) return false;
      seen.add(id);
      return true;
    });
  }
}
