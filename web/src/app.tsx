/** The whole page: signed out, the door; signed in, the list beside the place one is in. */

import type { ComponentChild } from "preact";

import { ready } from "./matrix/client";
import { session } from "./matrix/session";
import { type Place, place } from "./router";
import { Asked } from "./ui/question";
import { NewGroup } from "./views/new-group";
import { Join } from "./views/join";
import { Nav } from "./views/nav";
import { Notices } from "./views/notices";
import { Outages } from "./views/outages";
import { People } from "./views/people";
import { PersonCard } from "./views/person-card";
import { RoomList } from "./views/room-list";
import { RoomView } from "./views/room/room";
import { Settings } from "./views/settings";
import { SignIn } from "./views/sign-in";

export function App() {
  if (!session.value) return <SignIn />;
  const at = place.value;
  return (
    <div class="app" data-view={at.view} data-ready={ready.value || undefined}>
      <Notices />
      <Nav at={at.view} />
      <RoomList />
      <main class="place">{shown(at)}</main>
      <Asked />
      <PersonCard />
    </div>
  );
}

function shown(at: Place): ComponentChild {
  switch (at.view) {
    case "room":
      return <RoomView key={at.roomId} roomId={at.roomId} eventId={at.eventId} thread={at.thread} panel={at.panel} />;
    case "join":
      return <Join target={at.target} via={at.via} />;
    case "people":
      return <People />;
    case "new":
      return <NewGroup />;
    case "outages":
      return <Outages />;
    case "settings":
      return <Settings part={at.part} />;
    case "rooms":
      return null;
  }
}
