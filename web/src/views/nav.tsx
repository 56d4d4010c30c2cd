/** The few places of the messenger: at the foot of a phone, at the side of a screen. */

import { isTroubled } from "../matrix/desk";
import { attention } from "../matrix/rooms";
import { address, go, type Place } from "../router";
import { Icon, type IconName } from "../ui/icon";
import { words } from "../words";
import "./nav.css";

const COUNT_MAX = 99; // a larger one is no longer read

const w = words({
  nav: ["주 메뉴", "Main menu"],
  rooms: ["대화", "Chats"],
  people: ["친구", "Friends"],
  outages: ["장애", "Outages"],
  settings: ["설정", "Settings"],
  troubled: ["지금 장애가 있습니다", "Something is down just now"],
  unread: [(n: number) => `안 읽음 ${n}`, (n: number) => `${n} unread`],
});

type Stop = "rooms" | "people" | "outages" | "settings";
const STOPS: readonly (readonly [Stop, IconName])[] = [
  ["rooms", "chats"],
  ["people", "people"],
  ["outages", "outages"],
  ["settings", "settings"],
];
/** Where one is, seen from the menu. */
const WITHIN: Record<Place["view"], Stop> = {
  rooms: "rooms", room: "rooms", join: "rooms", new: "rooms", people: "people", outages: "outages", settings: "settings",
};

export function Nav({ at }: { at: Place["view"] }) {
  const { unread } = attention.value;
  return (
    <nav class="nav" aria-label={w.nav}>
      {STOPS.map(([view, icon]) => (
        <a
          key={view}
          href={address({ view })}
          aria-current={WITHIN[at] === view ? "page" : undefined}
          onClick={(event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.preventDefault();
            go({ view });
          }}
        >
          <Icon name={icon} />
          <span class="name">{w[view]}</span>
          {view === "outages" && isTroubled.value && (
            <span class="count"><span aria-hidden="true">!</span><span class="hidden-from-sight">{w.troubled}</span></span>
          )}
          {view === "rooms" && unread > 0 && (
            <span class="count">
              <span aria-hidden="true">{unread > COUNT_MAX ? `${COUNT_MAX}+` : unread}</span>
              <span class="hidden-from-sight">{w.unread(unread)}</span>
            </span>
          )}
        </a>
      ))}
    </nav>
  );
}
