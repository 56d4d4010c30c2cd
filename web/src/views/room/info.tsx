/**
 * Beside a room, who and what it is. The address names the page of it (`panel`): "info", "members", "invite",
 * "settings", "search"; so the back button of a phone goes back one page.
 */

import type { ComponentChild } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Room } from "matrix-js-sdk";

import { go, goBack } from "../../router";
import { Icon } from "../../ui/icon";
import { words } from "../../words";
import { InfoHome } from "./info-home";
import { InfoInvite } from "./info-invite";
import { InfoMembers } from "./info-members";
import { InfoSearch } from "./info-search";
import { InfoSettings } from "./info-settings";
import { drawnAside } from "./side";
import { useRoom } from "./use-room";
import "./info.css";

const w = words({
  info: ["대화방 정보", "About the room"],
  members: ["참여자", "People"],
  invite: ["초대", "Invite"],
  settings: ["대화방 설정", "Room settings"],
  search: ["이 방에서 찾기", "Search in this room"],
  back: ["대화방 정보로", "Back to the room's page"],
  close: ["닫기", "Close"],
});

const PAGES = ["info", "members", "invite", "settings", "search"] as const;
export type Page = (typeof PAGES)[number];

export function openPage(roomId: string, panel: Page): void {
  go({ view: "room", roomId, panel });
}

export function RoomInfo({ roomId, panel }: { roomId: string; panel: string }) {
  const room = useRoom(roomId);
  const page: Page = PAGES.find((each) => each === panel) ?? "info";
  const heading = useRef<HTMLHeadingElement>(null);
  const close = () => goBack({ view: "room", roomId });
  const swipe = useMemo(() => drawnAside(close), [roomId]);
  useEffect(() => {
    const field = page === "search" ? heading.current?.closest("aside")?.querySelector("input") : null;
    (field ?? heading.current)?.focus({ preventScroll: true });
  }, [page]);
  if (!room) return null;
  return (
    <aside
      class="room-info"
      aria-label={w[page]}
      {...swipe}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.defaultPrevented) close();
      }}
    >
      <header>
        {page !== "info" && page !== "search" && (
          <button class="plain" aria-label={w.back} onClick={() => goBack({ view: "room", roomId, panel: "info" })}><Icon name="back" /></button>
        )}
        <h2 ref={heading} tabIndex={-1}>{w[page]}</h2>
        <button class="plain" aria-label={w.close} onClick={close}><Icon name="close" /></button>
      </header>
      <div class="page" data-page={page}>{shown(page, room)}</div>
    </aside>
  );
}

function shown(page: Page, room: Room): ComponentChild {
  switch (page) {
    case "info":
      return <InfoHome room={room} />;
    case "members":
      return <InfoMembers room={room} />;
    case "invite":
      return <InfoInvite room={room} />;
    case "settings":
      return <InfoSettings room={room} />;
    case "search":
      return <InfoSearch room={room} />;
  }
}
