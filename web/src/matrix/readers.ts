/**
 * How many of a room have not read a message yet: a pure function of who is there and how far each has read.
 *
 * Each person has one threshold: the first position that they have not read and were already there to read. A message
 * is unread for those whose threshold is at or before it, so one pass of sums gives the number of every message.
 *
 * - A receipt without a thread counts in every scope; one with a thread only in its own ("main", or a thread's root).
 * - Whoever says something has read what stands before it in the same scope.
 * - Who came after a message is not waited for; who left is not either; the viewer, who is looking, is left out.
 * - Members may be loaded lazily: those of the joined count whom nobody named are people who have read nothing,
 *   and a receipt of an unknown person speaks for one of them.
 */

export const MAIN = "main";

/** An event of a window, in order; those that are no messages hold a place too: receipts may name them. */
export interface Placed {
  id: string;
  sender: string | null; // null: says nothing about who has read (reactions, edits, changes of state)
  at: number; // ms since 1970
  scope: string; // MAIN, or the event id of its thread's root
}

export interface Receipt {
  userId: string;
  eventId: string;
  at: number; // ms since 1970, when it was sent
  scope?: string; // none: of every scope
}

export interface Audience {
  viewer: string;
  joined: number; // as the server counts, the viewer included
  members: ReadonlyMap<string, number>; // joined people by name: since when, in ms; 0 for "before all this"
  gone: ReadonlySet<string>; // known not to be joined
}

/** Where a receipt stands whose event is not among these: -1 before all, or the last place that it covers. */
export type Elsewhere = (receipt: Receipt) => number;

/** For each of `events`, how many have not read it; meant for those of `scope`. */
export function unreadCounts(
  events: readonly Placed[],
  scope: string,
  audience: Audience,
  receipts: Iterable<Receipt>,
  elsewhere: Elsewhere,
): number[] {
  const read = furthestRead(events, scope, receipts, elsewhere);
  const starts = new Array<number>(events.length + 1).fill(0); // how many thresholds lie at each place
  let strangers = 0; // readers whom nobody named as members
  const wait = (userId: string, since: number) => {
    const first = Math.max((read.get(userId) ?? -1) + 1, since);
    if (first < events.length) starts[first]!++;
  };
  for (const [userId, since] of audience.members) {
    if (userId !== audience.viewer) wait(userId, firstAt(events, since));
  }
  for (const userId of read.keys()) {
    if (userId === audience.viewer || audience.members.has(userId) || audience.gone.has(userId)) continue;
    strangers++;
    wait(userId, 0);
  }
  const others = audience.members.size - Number(audience.members.has(audience.viewer));
  let waiting = Math.max(0, audience.joined - 1 - others - strangers);
  return events.map((_, place) => (waiting += starts[place]!));
}

/** The last place that each has read; whoever has read none of these is -1 or missing. */
export function furthestRead(
  events: readonly Placed[],
  scope: string,
  receipts: Iterable<Receipt>,
  elsewhere: Elsewhere,
): Map<string, number> {
  const places = new Map(events.map((event, place) => [event.id, place]));
  const read = new Map<string, number>();
  const reach = (userId: string, place: number) => {
    if (place > (read.get(userId) ?? -2)) read.set(userId, place);
  };
  for (const receipt of receipts) {
    if (receipt.scope !== undefined && receipt.scope !== scope) continue;
    reach(receipt.userId, places.get(receipt.eventId) ?? elsewhere(receipt));
  }
  events.forEach((event, place) => {
    if (event.sender !== null && event.scope === scope) reach(event.sender, place);
  });
  return read;
}

/** The first place whose time is not before `at`; clocks differ, so the order of places decides, not of times. */
function firstAt(events: readonly Placed[], at: number): number {
  if (at <= 0) return 0;
  const place = events.findIndex((event) => event.at >= at);
  return place === -1 ? events.length : place;
}
