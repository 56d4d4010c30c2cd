/** People: found by name, direct chats started. */
export function People() {
  return <p class="quiet">…</p>;
}
