/** The messages of a room, thousands of them, of which only those in sight are in the page. */
export function Timeline(_: { roomId: string; eventId?: string }) {
  return <p class="quiet">…</p>;
}
