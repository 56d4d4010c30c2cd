/** The quiet lines over everything: another site is being reached, offline, a notice of the operator. */
export function Notices() {
  return <p class="quiet">…</p>;
}
