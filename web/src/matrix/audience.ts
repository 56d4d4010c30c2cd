/** Who is in a room to read its messages, and so the number beside each: what `readers` counts from, kept at hand. */

import { EventType, KnownMembership, type MatrixClient, type MatrixEvent, type Room, RoomMemberEvent, type RoomMember } from "matrix-js-sdk";

import { type Elsewhere, furthestRead, MAIN, type Placed, type Receipt, unreadCounts } from "./readers";
import { receiptsOf } from "./receipts";
import { kindOf, relationOf, threadOf } from "./timeline/kinds";

/** In larger rooms the server tells nobody how far others have read, so a number would never fall. */
const COUNTED_MEMBERS_MAX = 1_000;

/** Ids of people. */
export interface Readers {
  read: string[];
  unread: string[];
}

export class Audiences {
  private members: Map<string, number> | null = null; // made anew after a change
  private readonly gone = new Set<string>();
  private readonly since = new Map<string, number>(); // when they joined, of those whose joining came by here
  private readonly onMember = (_: MatrixEvent, member: RoomMember) => {
    if (member.roomId === this.room.roomId) this.members = null;
  };

  constructor(
    private readonly client: MatrixClient,
    private readonly room: Room,
    changed: () => void,
  ) {
    client.on(RoomMemberEvent.Membership, this.onMember);
    if (!this.counts) return;
    void room
      .loadMembersIfNeeded()
      .then(() => {
        this.members = null;
        changed();
      })
      .catch(() => undefined); // counted from the joined number meanwhile
  }

  close(): void {
    this.client.off(RoomMemberEvent.Membership, this.onMember);
  }

  /** By place in `events`; empty in a room too large to count. */
  unread(events: readonly MatrixEvent[], scope: string, live: boolean): number[] {
    if (!this.counts) return [];
    this.noteJoins(events);
    const placed = place(events);
    const audience = {
      viewer: this.client.getSafeUserId(),
      joined: this.room.getJoinedMemberCount(),
      members: this.joined(),
      gone: this.gone,
    };
    return unreadCounts(placed, scope, audience, receiptsOf(this.room.roomId), this.elsewhere(placed, scope, live));
  }

  readersOf(events: readonly MatrixEvent[], scope: string, live: boolean, eventId: string): Readers {
    const placed = place(events);
    const at = placed.findIndex((event) => event.id === eventId);
    const read = furthestRead(placed, scope, receiptsOf(this.room.roomId), this.elsewhere(placed, scope, live));
    const others = [...this.joined()].filter(([id]) => id !== placed[at]?.sender);
    const hasRead = (id: string) => id === this.client.getSafeUserId() || (read.get(id) ?? -1) >= at;
    return {
      read: others.filter(([id]) => hasRead(id)).map(([id]) => id),
      unread: others.filter(([id, since]) => !hasRead(id) && since <= (placed[at]?.at ?? 0)).map(([id]) => id),
    };
  }

  private elsewhere(placed: readonly Placed[], scope: string, live: boolean): Elsewhere {
    // At the present whatever is not in the window is older than it; but a thread's window lacks what else was said,
    // and the server withholds what ignored people say.
    const isComplete = live && scope === MAIN && !this.client.getIgnoredUsers().length;
    return isComplete ? () => -1 : (receipt) => this.lastAt(placed, receipt);
  }

  private get counts(): boolean {
    return this.room.getJoinedMemberCount() <= COUNTED_MEMBERS_MAX;
  }

  private joined(): Map<string, number> {
    if (this.members) return this.members;
    this.members = new Map();
    this.gone.clear();
    for (const member of this.room.getMembers()) {
      if (member.membership === KnownMembership.Join) this.members.set(member.userId, this.joinedAt(member));
      else this.gone.add(member.userId);
    }
    return this.members;
  }

  /** In ms; 0 for "before what is known": the last change of a member may be one of name or picture. */
  private joinedAt(member: RoomMember): number {
    const event = member.events.member;
    if (event && isJoining(event)) this.since.set(member.userId, event.getTs());
    return this.since.get(member.userId) ?? 0;
  }

  private noteJoins(events: readonly MatrixEvent[]): void {
    for (const event of events) {
      const userId = event.getType() === EventType.RoomMember && isJoining(event) ? event.getStateKey()! : undefined;
      if (userId === undefined || event.getTs() <= (this.since.get(userId) ?? 0)) continue;
      this.since.set(userId, event.getTs());
      this.members = null;
    }
  }

  /** By the time of the event that was read, if it is known here; else by when the receipt was sent. */
  private lastAt(placed: readonly Placed[], receipt: Receipt): number {
    const at = this.room.findEventById(receipt.eventId)?.getTs() ?? receipt.at;
    return placed.findLastIndex((event) => event.at <= at);
  }
}

function place(events: readonly MatrixEvent[]): Placed[] {
  const places = new Map(events.map((event, at) => [event.getId()!, at]));
  return events.map((event) => {
    const kind = kindOf(event);
    const about = kind === "about" ? places.get(relationOf(event)?.target ?? "") : undefined;
    return {
      id: event.getId()!,
      sender: kind === "message" ? (event.getSender() ?? null) : null,
      at: event.getTs(),
      scope: threadOf(about === undefined ? event : events[about]!) ?? MAIN,
    };
  });
}

function isJoining(event: MatrixEvent): boolean {
  const joined = KnownMembership.Join;
  return event.getContent().membership === joined && event.getPrevContent().membership !== joined;
}
