/** The whole page: signed out, the door; signed in, the list beside the place one is in. */

import type { ComponentChild } from "preact";

import { ready, started } from "./matrix/client";
import { session } from "./matrix/session";
import { elsewhere } from "./matrix/tab";
import { type Place, place } from "./router";
import { Boundary } from "./ui/boundary";
import { Asked } from "./ui/question";
import { EncryptionOver } from "./views/encryption/over";
import { Join } from "./views/join";
import { Nav } from "./views/nav";
import { NewGroup } from "./views/new-group";
import { Lines } from "./views/lines";
import { Notices } from "./views/notices";
import { Opening } from "./views/opening";
import { Outages } from "./views/outages";
import { People } from "./views/people";
import { PersonCard } from "./views/person-card";
import { Resting } from "./views/resting";
import { RoomList } from "./views/room-list";
import { RoomView } from "./views/room/room";
import { Settings } from "./views/settings/settings";
import { SignIn } from "./views/sign-in";
import { SkipLink, useArrival } from "./views/arrival";
import { words } from "./words";

const w = words({ pick: ["대화를 고르면 여기에 열립니다.", "Choose a chat to open it here."] });

export function App() {
  if (!session.value) return <Boundary><SignIn /></Boundary>;
  if (elsewhere.value) return <Resting />;
  if (!started.value) return <Opening />;
  return <Messenger at={place.value} />;
}

function Messenger({ at }: { at: Place }) {
  const main = useArrival(at);
  const of = JSON.stringify(at);
  return (
    <div class="app" data-view={at.view} data-ready={ready.value || undefined}>
      <SkipLink to={main} />
      <div class="over">
        <Lines />
        <Notices />
      </div>
      <Nav at={at.view} />
      <Boundary><RoomList /></Boundary>
      <main class="place" ref={main} tabIndex={-1}>
        <Boundary of={of}>{shown(at)}</Boundary>
      </main>
      <Boundary of={of}>
        <Asked />
        <PersonCard />
        <EncryptionOver />
      </Boundary>
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
      return <p class="quiet nowhere">{w.pick}</p>;
  }
}
