/** Outages: current notices and status, report damage, my reports. */
export function Outages() {
  return <p class="quiet">…</p>;
}
