/** The head of a room: its name, topic, whether it is encrypted, its doors to search, members and settings. */
export function RoomHead(_: { roomId: string }) {
  return <p class="quiet">…</p>;
}
