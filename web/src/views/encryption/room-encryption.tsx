/** Whether a room is encrypted: a lock and a word in its head; and, where it is not, plain words where one writes. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type MatrixEvent, RoomStateEvent } from "matrix-js-sdk";

import { matrix, ready } from "../../matrix/client";
import { words } from "../../words";
import "./encryption.css";

const w = words({
  encrypted: ["암호화됨", "Encrypted"],
  plain: ["암호화 안 됨", "Not encrypted"],
  plainLong: [
    "이 대화방은 암호화되지 않습니다. 서버를 운영하는 사람이 내용을 읽을 수 있습니다.",
    "This room is not encrypted: whoever runs the server can read what is written.",
  ],
  encryptedLong: [
    "이 대화방은 종단간 암호화됩니다. 방에 있는 사람만 읽을 수 있습니다.",
    "This room is end-to-end encrypted: only the people in it can read it.",
  ],
});

/** For the head. The tooltip says what it means. */
export function RoomEncryption({ roomId }: { roomId: string }) {
  const encrypted = useEncrypted(roomId);
  return (
    <span class="room-encryption" data-encrypted={encrypted} title={encrypted ? w.encryptedLong : w.plainLong}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <rect x="3" y="7" width="10" height="7" rx="1.5" />
        <path d={encrypted ? "M5 7V5a3 3 0 0 1 6 0v2" : "M5 7V5a3 3 0 0 1 5.6-1.5"} />
      </svg>
      {encrypted ? w.encrypted : w.plain}
    </span>
  );
}

/** For the place where one writes; nothing where the room is encrypted. */
export function NotEncrypted({ roomId }: { roomId: string }) {
  return useEncrypted(roomId) ? null : <span class="room-encryption" data-encrypted={false} title={w.plainLong}>{w.plain}</span>;
}

/** Follows the room: encryption can be turned on while one is in it, never off. */
export function useEncrypted(roomId: string): boolean {
  const encrypted = useSignal(false);
  const known = ready.value; // an unknown room may turn out to be encrypted
  useEffect(() => {
    const client = matrix();
    const look = () => (encrypted.value = client.getRoom(roomId)?.hasEncryptionStateEvent() ?? false);
    const changed = (event: MatrixEvent) => {
      if (event.getRoomId() === roomId && event.getType() === "m.room.encryption") look();
    };
    look();
    client.on(RoomStateEvent.Events, changed);
    return () => void client.off(RoomStateEvent.Events, changed);
  }, [roomId, known]);
  return encrypted.value;
}
