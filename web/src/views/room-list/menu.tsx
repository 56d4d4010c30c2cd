/** What one can do to a room without entering it. */

import type { ComponentChild } from "preact";

import { matrix } from "../../matrix/client";
import { setLoudness } from "../../matrix/mute";
import { leave, leaveAndForget, markRead, setMarkedUnread, setPinned } from "../../matrix/room-actions";
import { rowsById, type RoomRow } from "../../matrix/rooms";
import { go, place } from "../../router";
import { Dialog } from "../../ui/dialog";
import { inPlainWords } from "../../ui/errors";
import { ask, tell } from "../../ui/question";
import { words } from "../../words";

const w = words({
  pin: ["맨 위에 고정", "Pin to the top"],
  unpin: ["고정 해제", "Unpin"],
  mute: ["알림 끄기", "Mute"],
  unmute: ["알림 켜기", "Unmute"],
  read: ["읽음으로 표시", "Mark as read"],
  unread: ["안 읽음으로 표시", "Mark as unread"],
  info: ["대화방 정보", "About the room"],
  withdraw: ["요청 취소", "Withdraw the request"],
  leave: ["나가기", "Leave"],
  leaveTitle: [(name: string) => `“${name}”에서 나갈까요?`, (name: string) => `Leave “${name}”?`],
  leaveText: ["지난 대화는 이 계정에서 지워집니다.", "What was said there is removed from this account."],
  leaveClosed: [
    "지난 대화는 이 계정에서 지워지고, 다시 들어오려면 초대를 받아야 합니다.",
    "What was said there is removed from this account, and you come back only by an invitation.",
  ],
});

export function RoomMenu({ roomId, onClose }: { roomId: string; onClose(): void }) {
  const row = rowsById.value.get(roomId);
  if (!row) return null;
  return (
    <Dialog title={row.name} onClose={onClose}>
      <div class="menu">{row.knocking ? knocking(row, onClose) : joined(row, onClose)}</div>
    </Dialog>
  );
}

function joined(row: RoomRow, onClose: () => void): ComponentChild {
  const isNew = row.unread > 0 || row.markedUnread || row.quietlyUnread;
  const item = (label: string, act: () => Promise<void>) => <Item label={label} act={act} onClose={onClose} />;
  return (
    <>
      {item(row.pinned ? w.unpin : w.pin, () => setPinned(row.id, !row.pinned))}
      {item(row.muted ? w.unmute : w.mute, () => setLoudness(row.id, row.muted ? "all" : "none"))}
      {item(isNew ? w.read : w.unread, () => (isNew ? markRead(row.id) : setMarkedUnread(row.id, true)))}
      {item(w.info, async () => go({ view: "room", roomId: row.id, panel: "info" }))}
      <button class="danger plain" onClick={() => (onClose(), void leaveAsked(row.id))}>{w.leave}</button>
    </>
  );
}

function knocking(row: RoomRow, onClose: () => void): ComponentChild {
  return <Item label={w.withdraw} act={() => leave(row.id)} onClose={onClose} />;
}

function Item({ label, act, onClose }: { label: string; act(): Promise<void>; onClose(): void }) {
  const choose = () => {
    onClose();
    act().catch((error: unknown) => tell(inPlainWords(error)));
  };
  return <button class="plain" onClick={choose}>{label}</button>;
}

/** Ask first; true when the room has been left. */
export async function leaveAsked(roomId: string): Promise<boolean> {
  const room = matrix().getRoom(roomId);
  const isOpen = room?.getJoinRule() === "public";
  const title = w.leaveTitle(rowsById.peek().get(roomId)?.name ?? roomId);
  if (!(await ask({ title, text: isOpen ? w.leaveText : w.leaveClosed, yes: w.leave, danger: true }))) return false;
  const at = place.peek();
  if (at.view === "room" && at.roomId === roomId) go({ view: "rooms" }, { replace: true });
  try {
    await leaveAndForget(roomId);
    return true;
  } catch (error) {
    tell(inPlainWords(error));
    return false;
  }
}
