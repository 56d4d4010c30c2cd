/** One message: who, what, when, what others made of it, and how many have not read it yet. */

import { useComputed } from "@preact/signals";
import { MatrixEvent } from "matrix-js-sdk";
import { memo } from "preact/compat";
import { useMemo, useRef } from "preact/hooks";

import { inWords } from "../../matrix/last-line";
import { mxcOf } from "../../matrix/member-picture";
import type { MessageRow } from "../../matrix/timeline/rows";
import { Avatar } from "../../ui/avatar";
import { Icon } from "../../ui/icon";
import { words } from "../../words";
import { Shield } from "../encryption/shield";
import { Undecryptable } from "../encryption/undecryptable";
import { showPerson } from "../person-card";
import { firstLink } from "./bodies/html";
import { LinkPreview } from "./bodies/link-preview";
import { MediaBody } from "./bodies/media";
import { plainOf, TextBody } from "./bodies/text";
import { about, menu, useHere } from "./here";
import { QuickActions } from "./quick-actions";
import { Reactions } from "./reactions";
import { ReplyQuote } from "./reply-quote";
import { Failed, WaitingMark } from "./sending";
import { ThreadSummary } from "./thread-summary";
import { momentInWords, timeInWords } from "./lines";
import "./message.css";

const LONG_PRESS_MS = 500;
const STEADY_PIXELS = 10; // a finger that moves farther scrolls

const w = words({
  unread: [(n: number) => `${n}명이 아직 읽지 않음`, (n: number) => `${n} have not read this yet`],
  deleted: ["삭제된 메시지입니다", "This message was deleted"],
  person: [(name: string) => `${name}님의 정보`, (name: string) => `About ${name}`],
  me: ["나", "Me"],
});

export const Message = memo(function Message({ row, marked }: { row: MessageRow; marked: boolean }) {
  const here = useHere();
  const open = useComputed(() => menu.value?.row.key === row.key && menu.value.here.timeline === here.timeline);
  const press = useLongPress(() => row.id && (menu.value = { here, row, x: null, y: null }));
  const classes = ["message", row.mine ? "mine" : "theirs", row.runStart && "run-start", row.runEnd && "run-end", marked && "marked"];
  return (
    <article
      class={classes.filter(Boolean).join(" ")}
      data-key={row.key}
      data-event={row.id}
      data-open={open.value || undefined}
      tabIndex={-1}
      onContextMenu={(event) => {
        if (!row.id || isOwnMenu(event.target as HTMLElement)) return;
        event.preventDefault();
        menu.value = { here, row, x: event.clientX, y: event.clientY };
      }}
      onKeyDown={(event) => {
        if (event.key !== "Enter" || event.target !== event.currentTarget || !row.id) return;
        event.preventDefault();
        menu.value = { here, row, x: null, y: null };
      }}
      {...press}
    >
      {!row.mine && row.runStart && (
        <button class="plain face" tabIndex={-1} aria-label={w.person(row.name)} onClick={() => showPerson(row.sender, here.room.roomId)}>
          <Avatar name={row.name} id={row.sender} mxc={mxcOf(here.room, row.sender)} />
        </button>
      )}
      <div class="said">
        <span class={row.mine || !row.runStart ? "hidden-from-sight" : "name"}><bdi>{row.mine ? w.me : row.name}</bdi></span>
        <div class="beside">
          <div class={`bubble of-${row.body}`} data-failed={row.pending?.state === "failed" || undefined}>
            {row.replyTo && <ReplyQuote key={row.quoted} eventId={row.replyTo} />}
            <Said row={row} />
          </div>
          <div class="aside">
            {row.unread > 0 && (
              <span class="waiting"><span aria-hidden="true">{row.unread}</span><span class="hidden-from-sight">{w.unread(row.unread)}</span></span>
            )}
            {row.event?.isEncrypted() && <Shield event={row.event} />}
            {row.pending && <WaitingMark pending={row.pending} />}
            <time dateTime={new Date(row.at).toISOString()} title={momentInWords(row.at)}>{timeInWords(row.at)}</time>
          </div>
          {row.id && row.body !== "redacted" && <QuickActions row={row} />}
        </div>
        {row.reactions.length > 0 && <Reactions row={row} />}
        {row.thread && <ThreadSummary row={row} />}
        {row.pending && <Failed pending={row.pending} />}
      </div>
    </article>
  );
});

function Said({ row }: { row: MessageRow }) {
  const here = useHere();
  const { room } = here;
  const event = useMemo(() => row.event ?? notYet(row, room.roomId), [row.event, row.content]);
  switch (row.body) {
    case "redacted":
      return <p class="quiet deleted"><Icon name="remove" /> {w.deleted}</p>;
    case "decrypting":
    case "undecryptable":
      return <Undecryptable event={event} />;
    case "unsupported":
      return <p><bdi>{inWords(event)}</bdi></p>;
    case "media":
      return <MediaBody event={event} />;
    default: {
      const link = row.body === "text" && firstLink(plainOf(row.content));
      return (
        <>
          <TextBody
            roomId={room.roomId}
            content={row.content}
            edited={row.edited}
            before={row.body === "emote" ? row.name : undefined}
            onHistory={() => (about.value = { here, row, what: "history" })}
          />
          {link && <LinkPreview url={link} at={row.at} roomId={room.roomId} />}
        </>
      );
    }
  }
}

/** What is still being sent, as the event that it will be. */
function notYet(row: MessageRow, roomId: string): MatrixEvent {
  const type = row.pending?.type ?? "m.room.message";
  return new MatrixEvent({ event_id: `~${row.key}`, room_id: roomId, sender: row.sender, type, content: row.content, origin_server_ts: row.at });
}

/** Where the browser's own menu helps more: links, pictures, marked text, fields. */
function isOwnMenu(target: HTMLElement): boolean {
  return Boolean(target.closest("a[href], img, video, audio, input, textarea")) || Boolean(getSelection()?.toString());
}

function useLongPress(then: () => void) {
  const held = useRef<{ timer: number; x: number; y: number } | null>(null);
  const release = () => {
    if (held.current) clearTimeout(held.current.timer);
    held.current = null;
  };
  return {
    onPointerDown: (event: PointerEvent) => {
      release();
      if (event.pointerType !== "touch") return;
      held.current = { timer: window.setTimeout(then, LONG_PRESS_MS), x: event.clientX, y: event.clientY };
    },
    onPointerMove: ({ clientX, clientY }: PointerEvent) => {
      const at = held.current;
      if (at && Math.hypot(clientX - at.x, clientY - at.y) > STEADY_PIXELS) release();
    },
    onPointerUp: release,
    onPointerCancel: release,
  };
}
