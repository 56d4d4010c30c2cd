/** Who is waited for: what the events of a room tell of its people, and what they don't. */

import { type MatrixClient, MatrixEvent, type Room } from "matrix-js-sdk";
import { beforeEach, expect, it, vi } from "vitest";

import type { Receipt } from "../src/matrix/readers";

const receipts: Receipt[] = [];
vi.mock("../src/matrix/receipts", () => ({ receiptsOf: () => receipts }));

const { Audiences } = await import("../src/matrix/audience");

const ME = "@me:x";
let clock = 0;
let ignored: string[] = [];
const members = new Map<string, MatrixEvent>(); // the latest change of each

beforeEach(() => {
  clock = 1_000;
  receipts.length = 0;
  ignored = [];
  members.clear();
});

const said = (id: string, sender: string) =>
  new MatrixEvent({ event_id: id, room_id: "!r", sender, type: "m.room.message", content: { msgtype: "m.text", body: id }, origin_server_ts: clock++ });

function member(userId: string, membership: string, before = "leave", displayname = ""): MatrixEvent {
  const event = new MatrixEvent({
    event_id: `$m${clock}`, room_id: "!r", sender: userId, state_key: userId, type: "m.room.member", content: { membership, displayname },
    unsigned: { prev_content: { membership: before } }, origin_server_ts: clock++,
  });
  members.set(userId, event);
  return event;
}

function read(userId: string, eventId: string): void {
  receipts.push({ userId, eventId, at: clock++, scope: "main" });
}

function opened() {
  const client = { on: () => undefined, off: () => undefined, getSafeUserId: () => ME, getIgnoredUsers: () => ignored } as unknown as MatrixClient;
  const current = () => [...members].map(([userId, event]) => ({ userId, roomId: "!r", membership: event.getContent().membership, events: { member: event } }));
  const room = {
    roomId: "!r", getMembers: current, findEventById: () => undefined, loadMembersIfNeeded: async () => true,
    getJoinedMemberCount: () => current().filter((each) => each.membership === "join").length,
  } as unknown as Room;
  return new Audiences(client, room, () => undefined);
}

it("waits for nobody who came after a message, whatever they change of themselves", () => {
  const events = [member(ME, "join"), member("@a:x", "join"), said("$1", ME), member("@late:x", "join")];
  expect(opened().unread(events, "main", true)[2]).toBe(1);
  events.push(member("@late:x", "join", "join", "새 이름"));
  const audiences = opened();
  expect(audiences.unread(events, "main", true)[2]).toBe(1);
  expect(audiences.unread([events[2]!, said("$2", ME)], "main", true)).toEqual([1, 2]); // nor once their coming is out of sight
});

it("believes a reading of what ignored people said, which is withheld", () => {
  const events = [member(ME, "join"), member("@a:x", "join"), said("$1", ME)];
  read("@a:x", "$withheld");
  expect(opened().unread(events, "main", true)[2]).toBe(1); // an event that is older than all this
  ignored = ["@evil:x"];
  expect(opened().unread(events, "main", true)[2]).toBe(0);
});
