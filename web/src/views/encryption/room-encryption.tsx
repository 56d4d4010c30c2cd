/** Whether a room is encrypted, in a word; what it means is said to those who ask. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type MatrixEvent, RoomStateEvent } from "matrix-js-sdk";

import { matrix, ready } from "../../matrix/client";
import { Icon } from "../../ui/icon";
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

export function RoomEncryption({ roomId }: { roomId: string }) {
  const encrypted = useEncrypted(roomId);
  if (encrypted === null) return null;
  return (
    <span class="room-encryption" data-encrypted={encrypted} title={encrypted ? w.encryptedLong : w.plainLong}>
      <Icon name={encrypted ? "lock" : "unlocked"} />
      {encrypted ? w.encrypted : w.plain}
    </span>
  );
}

/** Follows the room: encryption can be turned on while one is in it, never off. Null while the room is not known. */
function useEncrypted(roomId: string): boolean | null {
  const changes = useSignal(0);
  useEffect(() => {
    const client = matrix();
    const changed = (event: MatrixEvent) => {
      if (event.getRoomId() === roomId && event.getType() === "m.room.encryption") changes.value++;
    };
    client.on(RoomStateEvent.Events, changed);
    return () => void client.off(RoomStateEvent.Events, changed);
  }, [roomId]);
  changes.value;
  ready.value; // an unknown room may turn out to be encrypted
  return matrix().getRoom(roomId)?.hasEncryptionStateEvent() ?? null;
}
