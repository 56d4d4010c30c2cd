/** The few places of the messenger: at the foot of a phone, at the side of a screen. */

import { go, type Place } from "../router";
import { words } from "../words";

const w = words({
  nav: ["주 메뉴", "Main menu"],
  rooms: ["대화", "Chats"],
  people: ["친구", "Friends"],
  outages: ["장애", "Outages"],
  settings: ["설정", "Settings"],
});

const PLACES = ["rooms", "people", "outages", "settings"] as const;

export function Nav({ at }: { at: Place["view"] }) {
  return (
    <nav class="nav" aria-label={w.nav}>
      {PLACES.map((view) => (
        <button class="plain" aria-current={at === view ? "page" : undefined} onClick={() => go({ view })}>{w[view]}</button>
      ))}
    </nav>
  );
}
