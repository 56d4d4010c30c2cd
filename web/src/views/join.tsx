/** An invitation by link or QR, before it is accepted. */
export function Join(_: { target: string; via: string[] }) {
  return <p class="quiet">…</p>;
}
