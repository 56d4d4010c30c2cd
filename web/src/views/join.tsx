/** An invitation by address or code, before it is accepted: what it leads to, and what one may do about it. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { KnownMembership } from "matrix-js-sdk";

import { matrix, ready } from "../matrix/client";
import { preview, type Summary } from "../matrix/invitations";
import { rooms } from "../matrix/rooms";
import { go } from "../router";
import { Avatar } from "../ui/avatar";
import { inPlainWords } from "../ui/errors";
import { Icon } from "../ui/icon";
import { useAct } from "../ui/use-act";
import { useAnswer } from "../ui/use-answer";
import { words } from "../words";
import { showPerson } from "./person-card";
import "./join.css";

const REASON_CHARACTERS_MAX = 300;

const w = words({
  title: ["초대", "Invitation"],
  opening: ["여는 중…", "Opening…"],
  hidden: [
    "이 대화방은 초대받은 사람만 볼 수 있습니다. 방에 있는 사람에게 초대를 부탁하세요.",
    "Only invited people see this room. Ask somebody in it to invite you.",
  ],
  people: [
    (n: number) => `${n}명이 함께하고 있습니다`,
    (n: number) => (n === 1 ? "1 person is in it" : `${n} people are in it`),
  ],
  encrypted: ["암호화됨", "Encrypted"],
  join: ["들어가기", "Join"],
  joining: ["들어가는 중…", "Joining…"],
  knock: ["들어가기를 요청", "Ask to join"],
  reason: ["한마디 (선택)", "A word to them (optional)"],
  asked: ["요청했습니다. 허락을 받으면 대화 목록에 나타납니다.", "You have asked. It appears among your chats when you are let in."],
  closed: ["초대받은 사람만 들어갈 수 있습니다.", "Only invited people can join."],
  back: ["대화 목록으로", "Back to the chats"],
  again: ["다시 시도", "Try again"],
});

export function Join({ target, via }: { target: string; via: string[] }) {
  const isPerson = target.startsWith("@");
  useEffect(() => {
    if (!isPerson) return;
    go({ view: "people" }, { replace: true });
    showPerson(target);
  }, [target]);
  return isPerson ? null : <JoinRoom key={target} target={target} via={via} />;
}

function JoinRoom({ target, via }: { target: string; via: string[] }) {
  const tries = useSignal(0);
  const { value, error, waiting } = useAnswer(`${target} ${tries.value}`, () => preview(target, via));
  const known = useMembership(value?.room_id ?? target);
  const isIn = value?.membership === KnownMembership.Join; // by its own hand, a moment ago: the sync will tell
  useEffect(() => {
    if (known === KnownMembership.Join) go({ view: "room", roomId: value?.room_id ?? target }, { replace: true });
  }, [known]);
  return (
    <section class="join">
      <button class="plain back" aria-label={w.back} title={w.back} onClick={() => go({ view: "rooms" })}><Icon name="back" /></button>
      {!waiting && !isIn && <h1>{w.title}</h1>}
      {(waiting || isIn) && <p class="quiet" role="status">{w.opening}</p>}
      {error !== null && (
        <>
          <p role="alert">{isHidden(error) ? w.hidden : inPlainWords(error)}</p>
          <p class="ways">
            <button onClick={() => tries.value++}>{w.again}</button>
            <button class="primary" onClick={() => go({ view: "rooms" })}>{w.back}</button>
          </p>
        </>
      )}
      {value && !isIn && <Seen room={value} target={target} via={via} isAsked={known === KnownMembership.Knock} />}
    </section>
  );
}

interface SeenRoom {
  room: Summary;
  target: string;
  via: string[];
  isAsked: boolean;
}

function Seen({ room, target, via, isAsked }: SeenRoom) {
  const name = room.name || room.canonical_alias || w.title;
  const isInvited = room.membership === KnownMembership.Invite;
  const rule: string | undefined = room.join_rule;
  return (
    <>
      <Avatar name={name} id={room.room_id} mxc={room.avatar_url} large />
      <h2 dir="auto">{name}</h2>
      {room.topic && <p class="topic" dir="auto">{room.topic}</p>}
      <p class="quiet">{w.people(room.num_joined_members)}{room.encryption && ` · ${w.encrypted}`}</p>
      {isAsked ? (
        <p role="status">{w.asked}</p>
      ) : isInvited || rule === "public" || rule === "restricted" ? (
        <Enter roomId={room.room_id} target={target} via={via} />
      ) : rule === "knock" || rule === "knock_restricted" ? (
        <Ask target={target} via={via} />
      ) : (
        <p>{w.closed}</p>
      )}
    </>
  );
}

function Enter({ roomId, target, via }: { roomId: string; target: string; via: string[] }) {
  const { busy, wrong, run } = useAct();
  const join = async () => {
    await matrix().joinRoom(target, { viaServers: via });
    go({ view: "room", roomId }, { replace: true });
  };
  return (
    <>
      {wrong && <p class="error" role="alert">{wrong}</p>}
      <button class="primary" disabled={busy} onClick={() => void run(join)}>{busy ? w.joining : w.join}</button>
    </>
  );
}

function Ask({ target, via }: { target: string; via: string[] }) {
  const reason = useSignal("");
  const { busy, wrong, run } = useAct();
  const knock = async (event: SubmitEvent) => {
    event.preventDefault();
    await run(() => matrix().knockRoom(target, { viaServers: via, ...(reason.value.trim() ? { reason: reason.value.trim() } : {}) }));
  };
  return (
    <form onSubmit={knock}>
      <label for="knock-reason">{w.reason}</label>
      <input
        id="knock-reason"
        value={reason.value}
        maxLength={REASON_CHARACTERS_MAX}
        dir="auto"
        onInput={(event) => (reason.value = event.currentTarget.value)}
      />
      {wrong && <p class="error" role="alert">{wrong}</p>}
      <button class="primary" disabled={busy}>{w.knock}</button>
    </form>
  );
}

/** What this account is in the room, as far as its own sync has told. */
function useMembership(roomId: string): string | undefined {
  rooms.value; // changes with it
  if (!ready.value || !roomId.startsWith("!")) return undefined;
  return matrix().getRoom(roomId)?.getMyMembership();
}

function isHidden(error: unknown): boolean {
  const status = (error as { httpStatus?: number } | null)?.httpStatus;
  return status === 403 || status === 404;
}
