/** What one may do to a person in a room: their role, out, banned, let in. Nothing is shown that is not allowed. */

import { useSignal } from "@preact/signals";
import { KnownMembership, type Room } from "matrix-js-sdk";

import { LEVELS, levelIn, mayAct, mayActOn, roleOf, rolesFor, toSpeak } from "../../matrix/powers";
import { inPlainWords } from "../../ui/errors";
import { ask, tell } from "../../ui/question";
import { words } from "../../words";
import { useRoom } from "./use-room";

const w = words({
  inRoom: ["이 대화방에서", "In this room"],
  role: ["역할", "Role"],
  owner: ["만든 사람", "Owner"],
  admin: ["관리자", "Admin"],
  moderator: ["부관리자", "Moderator"],
  member: ["참여자", "Member"],
  silent: ["읽기만 하는 사람", "Reader"],
  kick: ["내보내기", "Remove"],
  kickTitle: [(who: string) => `${who}님을 내보낼까요?`, (who: string) => `Remove ${who}?`],
  kickText: ["초대를 받으면 다시 들어올 수 있습니다.", "They can come back if they are invited."],
  ban: ["방에서 차단", "Ban from the room"],
  banTitle: [(who: string) => `${who}님을 이 방에서 차단할까요?`, (who: string) => `Ban ${who} from this room?`],
  banText: ["차단을 풀 때까지 다시 들어올 수 없습니다.", "They cannot come back until the ban is lifted."],
  unban: ["방 차단 풀기", "Lift the ban"],
  withdraw: ["초대 취소", "Withdraw the invitation"],
  letIn: ["들어오게 하기", "Let in"],
  refuse: ["거절", "Refuse"],
  promote: [(who: string) => `${who}님을 관리자로 할까요?`, (who: string) => `Make ${who} an admin?`],
  promoteText: ["나와 같은 권한을 갖게 되어, 나는 되돌릴 수 없습니다.", "They get the same rights as you, and you cannot take them back."],
  resign: ["역할을 내려놓을까요?", "Give up your role?"],
  resignText: ["스스로 되찾을 수 없습니다.", "You cannot get it back by yourself."],
});

export const roleWords = w;

export function MemberActions({ room, userId, name }: { room: Room; userId: string; name: string }) {
  useRoom(room.roomId);
  const busy = useSignal(false);
  const membership = room.getMember(userId)?.membership;
  const act = async (what: () => Promise<unknown>) => {
    busy.value = true;
    try {
      await what();
    } catch (error) {
      tell(inPlainWords(error));
    } finally {
      busy.value = false;
    }
  };
  const asked = async (title: string, text: string, yes: string, what: () => Promise<unknown>) => {
    if (await ask({ title, text, yes, danger: true })) await act(what);
  };
  const client = room.client;
  const mayKick = mayActOn(room, "kick", userId);
  const mayBan = mayActOn(room, "ban", userId);
  const isIn = membership === KnownMembership.Join;
  const kick = () => client.kick(room.roomId, userId);
  return (
    <section class="member-actions" aria-label={w.inRoom}>
      {isIn && <RoleOf room={room} userId={userId} name={name} act={act} />}
      <div class="ways">
        {membership === KnownMembership.Knock && mayAct(room, "invite") && (
          <button class="primary" disabled={busy.value} onClick={() => act(() => client.invite(room.roomId, userId))}>{w.letIn}</button>
        )}
        {membership === KnownMembership.Knock && mayKick && (
          <button disabled={busy.value} onClick={() => act(kick)}>{w.refuse}</button>
        )}
        {membership === KnownMembership.Invite && mayKick && (
          <button disabled={busy.value} onClick={() => act(kick)}>{w.withdraw}</button>
        )}
        {isIn && mayKick && (
          <button class="danger" disabled={busy.value} onClick={() => asked(w.kickTitle(name), w.kickText, w.kick, kick)}>{w.kick}</button>
        )}
        {membership !== KnownMembership.Ban && membership !== undefined && mayBan && (
          <button
            class="danger"
            disabled={busy.value}
            onClick={() => asked(w.banTitle(name), w.banText, w.ban, () => client.ban(room.roomId, userId))}
          >
            {w.ban}
          </button>
        )}
        {membership === KnownMembership.Ban && mayBan && (
          <button disabled={busy.value} onClick={() => act(() => client.unban(room.roomId, userId))}>{w.unban}</button>
        )}
      </div>
    </section>
  );
}

interface OfRole {
  room: Room;
  userId: string;
  name: string;
  act(what: () => Promise<unknown>): Promise<void>;
}

function RoleOf({ room, userId, name, act }: OfRole) {
  const now = roleOf(levelIn(room, userId), toSpeak(room));
  const choices = rolesFor(room, userId);
  if (!choices.length) return <p class="quiet">{w.role}: {w[now]}</p>;
  const choose = async (select: HTMLSelectElement) => {
    const role = select.value as keyof typeof LEVELS;
    if (!(await isMeant(room, userId, name, role))) {
      select.value = now;
      return;
    }
    await act(() => room.client.setPowerLevel(room.roomId, userId, LEVELS[role]));
  };
  return (
    <label class="role">
      {w.role}
      <select value={now} onChange={(event) => void choose(event.currentTarget)}>
        {!choices.includes(now as never) && <option value={now}>{w[now]}</option>}
        {choices.map((role) => <option value={role}>{w[role]}</option>)}
      </select>
    </label>
  );
}

/** Asks before what one cannot take back. */
async function isMeant(room: Room, userId: string, name: string, role: keyof typeof LEVELS): Promise<boolean> {
  const mine = levelIn(room, room.myUserId);
  if (userId === room.myUserId && LEVELS[role] < mine) {
    return ask({ title: w.resign, text: w.resignText, yes: w[role], danger: true });
  }
  if (LEVELS[role] >= mine) return ask({ title: w.promote(name), text: w.promoteText, yes: w[role] });
  return true;
}
