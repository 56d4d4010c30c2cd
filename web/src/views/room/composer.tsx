/** Where one writes: text, mentions, emoji, files, voice; keeps what was typed. */
export function Composer(_: { roomId: string; thread?: string }) {
  return <p class="quiet">…</p>;
}
