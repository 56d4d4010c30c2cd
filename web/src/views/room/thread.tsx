/** A thread beside its room. */
export function ThreadPanel(_: { roomId: string; thread: string }) {
  return <p class="quiet">…</p>;
}
