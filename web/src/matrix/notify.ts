/**
 * Notifications of the desktop: for what the account's push rules say, while this page runs, and never for the room in
 * sight. Whether this browser shows them at all is its own setting.
 */

import { effect, signal } from "@preact/signals";
import { type MatrixClient, type MatrixEvent, MatrixEventEvent, type Room, RoomEvent } from "matrix-js-sdk";

import { go, place } from "../router";
import { words } from "../words";
import { onClient, ready } from "./client";
import { directRooms } from "./direct";
import { nameIn } from "./happened";
import { inWords, isSaid, oneLine } from "./last-line";
import { blocked } from "./people";

const KEPT = "bongsu.notifications";
const AGE_MS_MAX = 60_000; // older news is read in the list
const REMEMBERED_MAX = 200; // events told of, or waiting to be decrypted

const w = words({
  called: [(who: string) => `${who}님이 나를 불렀습니다`, (who: string) => `${who} mentioned you`],
  invited: [(who: string) => `${who}님이 초대했습니다`, (who: string) => `${who} invites you`],
});

/** "off" is the person's wish, "asking" waits for the browser's own question, "refused" was answered there. */
export type Notifying = "on" | "off" | "asking" | "refused" | "impossible";
export const notifying = signal<Notifying>(current());

/** Asks the browser if it has not been asked; to be called from a click, or browsers do not ask. */
export async function turnOn(): Promise<void> {
  keep("on");
  if ("Notification" in window && Notification.permission === "default") await Notification.requestPermission();
  notifying.value = current();
}

export function turnOff(): void {
  keep("off");
  notifying.value = current();
}

const told = new Set<string>();
const open = new Map<string, Notification>(); // by room

onClient((client: MatrixClient) => {
  told.clear();
  client.on(RoomEvent.Timeline, (event, room, toStart, removed, data) => {
    if (room && !toStart && !removed && data.liveEvent) consider(client, event, room);
  });
  client.on(MatrixEventEvent.Decrypted, (event) => {
    const room = client.getRoom(event.getRoomId());
    if (room && !event.isDecryptionFailure()) consider(client, event, room);
  });
  client.on(RoomEvent.MyMembership, (room, membership, before) => {
    if (membership === "invite" && before !== "invite") invited(room);
  });
});

navigator.serviceWorker?.addEventListener("message", ({ data }) => {
  if (typeof data?.room === "string" && data.room) go({ view: "room", roomId: data.room });
});

/** Coming to a room takes its notification away. */
effect(() => {
  if (place.value.view === "room") close(place.value.roomId);
});

function consider(client: MatrixClient, event: MatrixEvent, room: Room): void {
  const id = event.getId() ?? "";
  if (notifying.peek() !== "on" || !ready.peek() || told.has(id)) return;
  if (event.getSender() === client.getUserId() || !isSaid(event) || event.isRedacted()) return;
  if (event.isEncrypted() && !event.getClearContent()) return; // it comes again when it can be read
  if (Date.now() - event.localTimestamp > AGE_MS_MAX || isInSight(room.roomId)) return;
  if (blocked.peek().has(event.getSender() ?? "")) return;
  const actions = client.getPushActionsForEvent(event);
  if (!actions?.notify) return;
  remember(id);
  show(room, text(event, room, actions.tweaks?.highlight === true));
}

function invited(room: Room): void {
  if (notifying.peek() !== "on" || !ready.peek() || room.client.isUserIgnored(room.getDMInviter() ?? "")) return;
  const inviter = room.getMember(room.myUserId)?.events.member?.getSender() ?? "";
  show(room, w.invited(nameIn(room, inviter)));
}

/** Whether the person sees the room as it is. */
export function isInSight(roomId: string): boolean {
  const at = place.peek();
  return at.view === "room" && at.roomId === roomId && document.visibilityState === "visible" && document.hasFocus();
}

function text(event: MatrixEvent, room: Room, isHighlight: boolean): string {
  const who = nameIn(room, event.getSender() ?? "");
  const line = inWords(event);
  if (isHighlight) return `${w.called(who)}: ${line}`;
  return directRooms.peek().has(room.roomId) ? line : `${who}: ${line}`;
}

function show(room: Room, body: string): void {
  const { roomId } = room;
  const options = { body, tag: roomId, icon: "/icon-192.png", data: { roomId } };
  try {
    open.get(roomId)?.close(); // a browser tells of a replaced one in silence
    const shown = new Notification(oneLine(room.name), options);
    open.set(roomId, shown);
    shown.onclick = () => {
      window.focus();
      go({ view: "room", roomId });
      shown.close();
    };
    shown.onclose = () => {
      if (open.get(roomId) === shown) open.delete(roomId);
    };
  } catch {
    void showByWorker(roomId, oneLine(room.name), options);
  }
}

/** On phones, where a page shows none itself: the service worker does, and opens the room when it is pressed. */
async function showByWorker(roomId: string, title: string, options: NotificationOptions): Promise<void> {
  const worker = await navigator.serviceWorker?.getRegistration();
  if (!worker?.active || isInSight(roomId)) return;
  const again: NotificationOptions & { renotify: boolean } = { ...options, renotify: true }; // heard though it replaces one
  await worker.showNotification(title, again).catch(() => undefined); // forbidden meanwhile
}

function close(roomId: string): void {
  open.get(roomId)?.close();
  open.delete(roomId);
  if (notifying.peek() === "on") void closeByWorker(roomId);
}

async function closeByWorker(roomId: string): Promise<void> {
  const worker = await navigator.serviceWorker?.getRegistration();
  for (const shown of (await worker?.getNotifications({ tag: roomId })) ?? []) shown.close();
}

function remember(id: string): void {
  told.add(id);
  if (told.size > REMEMBERED_MAX) told.delete(told.values().next().value!);
}

function current(): Notifying {
  if (!("Notification" in window)) return "impossible";
  if (kept() === "off") return "off";
  if (Notification.permission === "denied") return "refused";
  return Notification.permission === "granted" ? "on" : "asking";
}

function keep(wish: "on" | "off"): void {
  try {
    localStorage.setItem(KEPT, wish);
  } catch {
    // forbidden storage: it holds until the page is closed
  }
}

function kept(): string | null {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}
