/**
 * Pages of a room's or a thread's history, as the server gives them, made into events (and decrypted in passing).
 *
 * Chunks are always oldest first. `next` is where the following page in the same direction begins, `null` at the end.
 */

import { type IRoomEvent, type IStateEvent, type MatrixClient, type MatrixEvent, Method, type Room } from "matrix-js-sdk";

export const PAGE_EVENTS = 100;
export const CONTEXT_EVENTS = 60; // around an event that is jumped to, both sides together
const SEARCHED_PAGES_MAX = 5; // of a thread, for an event that is jumped to
const LAZY = JSON.stringify({ lazy_load_members: true });

export interface Page {
  events: MatrixEvent[];
  next: string | null;
}

export interface Around {
  events: MatrixEvent[];
  back: string | null;
  forward: string | null;
}

export type Direction = "b" | "f";

/** Where a timeline takes its pages from. */
export interface Source {
  page(direction: Direction, from: string | undefined): Promise<Page>;
  around(eventId: string): Promise<Around>; // of a thread also "": its end
}

export function roomSource(client: MatrixClient, room: Room): Source {
  return {
    async page(direction, from) {
      const query = { dir: direction, limit: String(PAGE_EVENTS), filter: LAZY, ...(from ? { from } : {}) };
      const answer = await get<{ chunk: IRoomEvent[]; end?: string; state?: IStateEvent[] }>(client, room, "messages", query);
      learnMembers(client, room, answer.state);
      const events = made(client, room, answer.chunk);
      return { events: direction === "b" ? events.reverse() : events, next: answer.end ?? null };
    },
    around: (eventId) => context(client, room, eventId, CONTEXT_EVENTS),
  };
}

/** A thread's replies with their reactions and edits; its tokens are those of /relations. */
export function threadSource(client: MatrixClient, room: Room, root: string): Source {
  const path = `relations/${encodeURIComponent(root)}`;
  const page = async (direction: Direction, from: string | undefined): Promise<Page> => {
    const query = { dir: direction, limit: String(PAGE_EVENTS), recurse: "true", ...(from ? { from } : {}) };
    const answer = await get<{ chunk: IRoomEvent[]; next_batch?: string }>(client, room, path, query, "/_matrix/client/v1");
    const events = made(client, room, answer.chunk);
    const next = answer.next_batch ?? null;
    if (direction === "f") return { events, next };
    events.reverse();
    return next === null ? { events: [await rootEvent(client, room, root), ...events], next } : { events, next };
  };
  // A thread is entered at its end, and read back to what is looked for: its tokens do not begin in the middle.
  const around = async (eventId: string): Promise<Around> => {
    let { events, next } = await page("b", undefined);
    for (let pages = 1; eventId && pages < SEARCHED_PAGES_MAX && next !== null; pages++) {
      if (events.some((event) => event.getId() === eventId)) break;
      const older = await page("b", next);
      events = [...older.events, ...events];
      next = older.next;
    }
    return { events, back: next, forward: null };
  };
  return { page, around };
}

/** The token for going on from an event whose token was let go. */
export async function tokenAt(client: MatrixClient, room: Room, eventId: string, direction: Direction): Promise<string | null> {
  const around = await context(client, room, eventId, 0);
  return direction === "b" ? around.back : around.forward;
}

export async function rootEvent(client: MatrixClient, room: Room, eventId: string): Promise<MatrixEvent> {
  const path = `event/${encodeURIComponent(eventId)}`;
  return made(client, room, [await get<IRoomEvent>(client, room, path, {})])[0]!;
}

/** Every version of a message, the newest first, as far as the server gives them at once. */
export async function editsOf(client: MatrixClient, room: Room, eventId: string): Promise<MatrixEvent[]> {
  const path = `relations/${encodeURIComponent(eventId)}/m.replace`;
  const answer = await get<{ chunk: IRoomEvent[] }>(client, room, path, { dir: "b", limit: String(PAGE_EVENTS) }, "/_matrix/client/v1");
  return made(client, room, answer.chunk);
}

async function context(client: MatrixClient, room: Room, eventId: string, limit: number): Promise<Around> {
  const answer = await get<{
    start?: string;
    end?: string;
    event: IRoomEvent;
    events_before: IRoomEvent[];
    events_after: IRoomEvent[];
  }>(client, room, `context/${encodeURIComponent(eventId)}`, { limit: String(limit), filter: LAZY });
  const chunk = [...answer.events_before.reverse(), answer.event, ...answer.events_after];
  return { events: limit ? made(client, room, chunk) : [], back: answer.start ?? null, forward: answer.end ?? null };
}

function made(client: MatrixClient, room: Room, chunk: readonly IRoomEvent[]): MatrixEvent[] {
  const toEvent = client.getEventMapper();
  return chunk.map((raw) => toEvent({ ...raw, room_id: room.roomId }));
}

/** Names of people who spoke in the past; what is known of them now stays as it is. */
function learnMembers(client: MatrixClient, room: Room, state: readonly IStateEvent[] | undefined): void {
  if (state?.length) room.currentState.setUnknownStateEvents(made(client, room, state as never));
}

function get<T>(client: MatrixClient, room: Room, path: string, query: Record<string, string>, prefix?: string): Promise<T> {
  const full = `/rooms/${encodeURIComponent(room.roomId)}/${path}`;
  return client.http.authedRequest<T>(Method.Get, full, query, undefined, prefix ? { prefix } : undefined);
}
