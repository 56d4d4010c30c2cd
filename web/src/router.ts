/** Where the person is, in the part of the address after `#`: a link to it opens the same view. */

import { signal } from "@preact/signals";

export type Place =
  | { view: "rooms" }
  | { view: "room"; roomId: string; eventId?: string; thread?: string; panel?: string } // panel: what is open beside it
  | { view: "join"; target: string; via: string[] } // an invitation by link or QR: room id or alias
  | { view: "people" }
  | { view: "new" } // a new group
  | { view: "outages" }
  | { view: "settings"; part?: string };

export const place = signal<Place>(parse(location.hash));

addEventListener("hashchange", () => {
  place.value = parse(location.hash);
});

export function go(to: Place, options: { replace?: boolean } = {}): void {
  const hash = address(to);
  if (options.replace) history.replaceState(history.state, "", hash);
  else if (location.hash !== hash) history.pushState({ from: location.hash }, "", hash);
  place.value = to;
}

/** To where one was before, if that was `to`: the way back leads out of what is closed, never into it again. */
export function goBack(to: Place): void {
  if ((history.state as { from?: string } | null)?.from === address(to)) history.back();
  else go(to, { replace: true });
}

export function address(to: Place): string {
  switch (to.view) {
    case "rooms":
      return "#/";
    case "room": {
      const query = new URLSearchParams();
      if (to.eventId) query.set("event", to.eventId);
      if (to.thread) query.set("thread", to.thread);
      if (to.panel) query.set("panel", to.panel);
      const tail = query.size ? `?${query}` : "";
      return `#/room/${encodeURIComponent(to.roomId)}${tail}`;
    }
    case "join": {
      const via = to.via.map((server) => `via=${encodeURIComponent(server)}`).join("&");
      return `#/join/${encodeURIComponent(to.target)}${via && `?${via}`}`;
    }
    case "settings":
      return to.part ? `#/settings/${to.part}` : "#/settings";
    default:
      return `#/${to.view}`;
  }
}

export function parse(hash: string): Place {
  const [path = "", tail = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [view, ...rest] = path.split("/");
  const query = new URLSearchParams(tail);
  const argument = decoded(rest.join("/"));
  if (view === "room" && argument) {
    return {
      view,
      roomId: argument,
      ...given("eventId", query.get("event")),
      ...given("thread", query.get("thread")),
      ...given("panel", query.get("panel")),
    };
  }
  if (view === "join" && argument) return { view, target: argument, via: query.getAll("via") };
  if (view === "settings") return { view, ...given("part", argument) };
  if (view === "people" || view === "new" || view === "outages") return { view };
  return { view: "rooms" };
}

function given<K extends string>(key: K, value: string | null): Partial<Record<K, string>> {
  return value ? ({ [key]: value } as Record<K, string>) : {};
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
