/** Settings: profile, devices, encryption, notifications, language, theme, sign out. */
export function Settings(_: { part?: string }) {
  return <p class="quiet">…</p>;
}
