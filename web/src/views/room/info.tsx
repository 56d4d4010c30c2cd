/** Beside a room, who and what it is; `panel` names the page of it: "info", "members", "invite", "settings". */
export function RoomInfo(_: { roomId: string; panel: string }) {
  return <p class="quiet">…</p>;
}
