/** A new group: its name, its people, encrypted or not. */
export function NewGroup() {
  return <p class="quiet">…</p>;
}
