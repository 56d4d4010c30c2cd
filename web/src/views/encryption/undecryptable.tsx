/** A message that cannot be read here, or not yet: why, and what helps. Draws itself anew when keys arrive. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type MatrixEvent, MatrixEventEvent } from "matrix-js-sdk";
import type { CryptoBackend } from "matrix-js-sdk/lib/common-crypto/CryptoBackend";

import { matrix } from "../../matrix/client";
import { crypto, encryption } from "../../matrix/crypto";
import { type Unreadable, unreadable } from "../../matrix/crypto-rooms";
import { Icon } from "../../ui/icon";
import { words } from "../../words";
import { open } from "./open";
import "./encryption.css";

const w = words({
  reading: ["암호를 푸는 중…", "Decrypting…"],
  engine: ["암호화 준비 중…", "Encryption is being made ready…"],
  none: ["이 브라우저에서는 암호화된 메시지를 읽을 수 없습니다.", "This browser cannot read encrypted messages."],
  insecure: ["암호화된 메시지는 https 주소에서만 읽을 수 있습니다.", "Encrypted messages can be read at an https address only."],
  lost: ["이 기기의 키가 지워져 읽을 수 없습니다. 다시 로그인해 주세요.", "This device's keys were deleted. Please sign in again to read it."],
  "not-joined": ["이 방에 들어오기 전에 보낸 메시지라 읽을 수 없습니다.", "Sent before you joined, so it cannot be read."],
  old: ["이 기기에 로그인하기 전 메시지입니다. 백업에 키가 없습니다.", "From before you signed in here; the backup does not hold its key."],
  "old-locked": ["이 기기에 로그인하기 전 메시지입니다. 기기를 확인하면 읽을 수 있습니다.", "From before you signed in here. Confirm this device to read it."],
  withheld: ["보낸 사람이 이 기기에 키를 주지 않았습니다.", "The sender did not give this device the key."],
  "unverified-withheld": ["보낸 사람은 확인된 기기에만 키를 줍니다. 이 기기를 확인해 주세요.", "The sender gives keys to confirmed devices only. Confirm this device."],
  changed: ["보낸 사람의 신원이 바뀌어 보여 드리지 않습니다. 먼저 서로 확인해 주세요.", "The sender's identity has changed. Confirm each other before reading it."],
  waiting: ["키를 기다리는 중입니다. 보낸 기기가 켜지면 열릴 수 있습니다.", "Waiting for its key. It may open when the sender's device is online."],
  broken: ["이 메시지는 망가져 있어 풀 수 없습니다.", "This message is damaged and cannot be decrypted."],
  confirm: ["기기 확인", "Confirm device"],
});

/** The engine asks the backup for a key no more than every five seconds, and does not come back to it by itself. */
const AGAIN_AFTER_MS = 6_000; // and twice as long each time
const AGAIN_AFTER_MS_MAX = 10 * 60_000;

export function Undecryptable({ event }: { event: MatrixEvent }) {
  const seen = useSignal(0);
  const { phase, verified, backup } = encryption.value; // what is known of them is part of why it failed
  useEffect(() => {
    const again = () => seen.value++;
    event.on(MatrixEventEvent.Decrypted, again);
    let timer = 0;
    const look = (wait: number) => {
      timer = window.setTimeout(() => look(Math.min(2 * wait, AGAIN_AFTER_MS_MAX)), wait);
      void attempt(event).finally(again); // it may have been over before we listened
    };
    if (phase === "ready") look(AGAIN_AFTER_MS);
    return () => {
      clearTimeout(timer);
      event.off(MatrixEventEvent.Decrypted, again);
    };
  }, [event, phase, verified, backup]);
  seen.value;
  const { text, confirm } = said(event);
  return (
    <p class="undecryptable quiet">
      <Icon name="lock" />
      <span>{text}</span>
      {confirm && <button class="plain" onClick={() => open("confirm")}>{w.confirm}</button>}
    </p>
  );
}

/** Anew, however it ended before: keys, or the reason why there are none, may have come without this message's knowing. */
async function attempt(event: MatrixEvent): Promise<void> {
  if (!event.isEncrypted() || (event.getClearContent() && !event.isDecryptionFailure())) return;
  await event.attemptDecryption(crypto() as unknown as CryptoBackend, { isRetry: true });
}

/** In one line, for lists and notifications. */
export function undecryptableLine(event: MatrixEvent): string {
  return said(event).text;
}

function said(event: MatrixEvent): { text: string; confirm: boolean } {
  const { phase, verified } = encryption.value;
  if (phase === "lost") return { text: w.lost, confirm: false };
  if (phase === "unsupported") return { text: w.none, confirm: false };
  if (phase === "insecure") return { text: w.insecure, confirm: false };
  if (phase !== "ready") return { text: w.engine, confirm: false };
  const me = matrix().getSafeUserId();
  const why = unreadable(event, matrix().getRoom(event.getRoomId())?.getMember(me)?.events.member);
  if (!why) return { text: w.reading, confirm: false };
  return { text: w[why], confirm: helps(why) && !verified };
}

/** A confirmed device gets what the backup holds, and what cautious senders send. */
function helps(why: Unreadable): boolean {
  return why === "old-locked" || why === "unverified-withheld" || why === "waiting";
}
