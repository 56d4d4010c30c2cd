/**
 * Keeps the SDK's own timelines short: it holds every message that ever arrived, and a client stays open for weeks.
 *
 * The oldest are let go, a few at a time, once there are many. Whoever pages back from a trimmed timeline asks for the
 * token of its first event: the one that the timeline remembers belongs farther back.
 */

import { type EventTimeline, type MatrixClient, type Room, RoomEvent } from "matrix-js-sdk";

import { onClient } from "./client";

const LIVE_EVENTS_MAX = 250; // of a room
const LIVE_EVENTS_KEPT = 150;
const RELATED_MAX = 500; // messages whose relations the SDK remembers, of a room

const trimmed = new WeakSet<EventTimeline>();

export function isTrimmed(timeline: EventTimeline): boolean {
  return trimmed.has(timeline);
}

export function trim(room: Room): void {
  const timeline = room.getLiveTimeline();
  const events = timeline.getEvents();
  if (events.length <= LIVE_EVENTS_MAX) return;
  trimmed.add(timeline);
  for (const event of events.slice(0, events.length - LIVE_EVENTS_KEPT)) {
    if (!event.status) room.getUnfilteredTimelineSet().removeEvent(event.getId()!);
  }
  // What points at messages that are gone has no other way out of the SDK.
  const held = (room.relations as unknown as { relations?: Map<string, unknown> }).relations;
  if (held && held.size > RELATED_MAX) {
    for (const id of held.keys()) if (!room.findEventById(id)) held.delete(id);
  }
}

onClient((client: MatrixClient) => {
  client.setCanResetTimelineCallback(() => true); // an open timeline holds what it shows by itself
  client.on(RoomEvent.Timeline, (_event, room, toStart, removed) => {
    if (room && !toStart && !removed) queueMicrotask(() => trim(room)); // after the sync that is being taken in
  });
});
