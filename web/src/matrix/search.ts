/** Looking for something: rooms by name on this device, messages by the server's index, encrypted ones on this device. */

import { type ISearchResults, KnownMembership, type MatrixEvent, type Room } from "matrix-js-sdk";

import { matrix } from "./client";
import { textOf } from "./content";

export interface Hit {
  roomId: string;
  eventId: string;
  sender: string; // user id
  at: number; // ms since 1970
  body: string;
}

export interface Hits {
  hits: Hit[];
  words: string[]; // what the server found, as it stands in the messages
  total: number;
  more: (() => Promise<Hits>) | null;
}

/** In all rooms or in one, newest first. What is encrypted the server cannot read: `searchHere`. */
export async function searchMessages(term: string, roomId?: string): Promise<Hits> {
  const results = await matrix().searchRoomEvents({
    term,
    ...(roomId ? { filter: { rooms: [roomId] } } : {}),
  });
  return page(results);
}

const HERE_MAX = 50; // hits among encrypted messages

/**
 * In encrypted rooms, or in one of them, newest first: only what this device holds at the moment, which is the latest
 * messages of each. The server cannot read them, and an index of our own would keep their text.
 */
export function searchHere(term: string, roomId?: string): Hit[] {
  const client = matrix();
  const rooms = roomId ? [client.getRoom(roomId)] : client.getRooms();
  const wanted = folded(term);
  return rooms
    .filter((room): room is Room => room !== null && isEncryptedChat(room))
    .flatMap((room) => room.getLiveTimeline().getEvents().filter(isSaid).map(hit))
    .filter(({ body }) => wanted && folded(body).includes(wanted))
    .sort((a, b) => b.at - a.at)
    .slice(0, HERE_MAX);
}

function isEncryptedChat(room: Room): boolean {
  return room.hasEncryptionStateEvent() && room.getMyMembership() === KnownMembership.Join;
}

function isSaid(event: MatrixEvent): boolean {
  return event.getType() === "m.room.message" && !event.isRedacted() && !event.isRelation("m.replace");
}

function page(results: ISearchResults): Hits {
  return {
    hits: results.results.map(({ context }) => hit(context.getEvent())),
    words: results.highlights ?? [],
    total: results.count ?? results.results.length,
    more: results.next_batch ? async () => page(await matrix().backPaginateRoomEventsSearch(results)) : null,
  };
}

function hit(event: MatrixEvent): Hit {
  const { body, name, topic } = event.getContent();
  return {
    roomId: event.getRoomId() ?? "",
    eventId: event.getId() ?? "",
    sender: event.getSender() ?? "",
    at: event.getTs(),
    body: textOf(body) || textOf(name) || textOf(topic),
  };
}

const FIRST_SYLLABLE = 0xac00; // 가
const LAST_SYLLABLE = 0xd7a3; // 힣
const SYLLABLES_PER_INITIAL = 588;
const INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";

/** Whether a name holds the term, in any case; "ㄱㅊㅅ" finds "김철수", as people type it on a phone. */
export function matches(name: string, term: string): boolean {
  const wanted = folded(term);
  const text = folded(name);
  if (text.includes(wanted)) return true;
  return [...wanted].every((letter) => INITIALS.includes(letter)) && initials(text).includes(wanted);
}

function folded(text: string): string {
  return text.normalize("NFC").toLowerCase().replace(/\s+/g, "");
}

function initials(text: string): string {
  return [...text].map(initial).join("");
}

function initial(letter: string): string {
  const code = letter.codePointAt(0)!;
  if (code < FIRST_SYLLABLE || code > LAST_SYLLABLE) return letter;
  return INITIALS[Math.floor((code - FIRST_SYLLABLE) / SYLLABLES_PER_INITIAL)]!;
}
