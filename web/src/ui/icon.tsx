/**
 * The signs of the messenger, drawn here in one line width so that they belong together. An icon says nothing to a screen
 * reader: the button around it has a name.
 */

import "./icon.css";

const PATHS = {
  chats: "M4 5.5h16v11H12l-4.5 3.5v-3.5H4z",
  people: "M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 19.5c.4-3.4 3-5.5 6.5-5.5s6.1 2.1 6.5 5.5M15.5 5a3.3 3.3 0 0 1 0 6.3M17.5 14.3c2.3.7 3.8 2.5 4 5.2",
  outages: "M12 3.5c3 3.2 5 5.4 5 8.7a5 5 0 0 1-10 0c0-1.5.6-2.8 1.5-4 .3 1.3 1 2 1.9 2.3-.2-2.7.3-5 1.6-7zM8 20.5h8",
  settings: "M4 7h10M18 7h2M4 17h2M10 17h10M16 4.8a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4zM8 14.8a2.2 2.2 0 1 0 0 4.4 2.2 2.2 0 0 0 0-4.4z",
  back: "M14.5 5.5L8 12l6.5 6.5",
  next: "M9.5 5.5L16 12l-6.5 6.5",
  close: "M6 6l12 12M18 6L6 18",
  more: "M12 5a.6.6 0 1 0 0 1.2.6.6 0 0 0 0-1.2zM12 11.4a.6.6 0 1 0 0 1.2.6.6 0 0 0 0-1.2zM12 17.8a.6.6 0 1 0 0 1.2.6.6 0 0 0 0-1.2z",
  search: "M10.5 4.5a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM15 15l5 5",
  plus: "M12 5v14M5 12h14",
  send: "M4.5 12L20 4.5 16 20l-4.5-6.5zM11.5 13.5L20 4.5",
  attach: "M19 11.5l-7.3 7.3a4.6 4.6 0 0 1-6.5-6.5L13 4.5a3 3 0 0 1 4.3 4.3L9.7 16.4a1.5 1.5 0 0 1-2.1-2.1l6.9-6.9",
  emoji: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM9 10v.1M15 10v.1M8.5 14c.8 1.5 2 2.2 3.5 2.2s2.7-.7 3.5-2.2",
  microphone: "M12 3.5a2.8 2.8 0 0 0-2.8 2.8v5a2.8 2.8 0 0 0 5.6 0v-5A2.8 2.8 0 0 0 12 3.5zM6 11a6 6 0 0 0 12 0M12 17v3.5M9 20.5h6",
  reply: "M9.5 6.5L4.5 11.5l5 5M5 11.5h8c4 0 6.5 2 6.5 6",
  thread: "M4.5 5.5h15v9H12l-4 3.5v-3.5H4.5zM8.5 9h7M8.5 11.7h4",
  edit: "M5 19l1-4L15.5 5.5l3 3L9 18z",
  remove: "M5 7h14M9.5 7V4.5h5V7M7 7l.8 12.5h8.4L17 7M10.5 10.5v5.5M13.5 10.5v5.5",
  copy: "M9 9h10.5v10.5H9zM15 9V4.5H4.5V15H9",
  link: "M10 14a4 4 0 0 0 5.8.3l3-3a4 4 0 0 0-5.7-5.7l-1.5 1.5M14 10a4 4 0 0 0-5.8-.3l-3 3a4 4 0 0 0 5.7 5.7l1.5-1.5",
  lock: "M6.5 10.5h11v9h-11zM8.5 10.5V8a3.5 3.5 0 0 1 7 0v2.5",
  unlocked: "M6.5 10.5h11v9h-11zM8.5 10.5V7a3.5 3.5 0 0 1 6.7-1.3",
  bell: "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 20.5h4",
  muted: "M6 16.5V11a6 6 0 0 1 9.5-4.9M18 11.5v5l1.5 1.5H8M10 20.5h4M4 4l16 16",
  pin: "M9 3.5h6l-.8 6 3.3 3.5h-11L9.8 9.5zM12 13v7.5",
  device: "M4.5 5h15v10.5h-15zM9 19.5h6M12 15.5v4",
  key: "M8 11.5a4 4 0 1 0 0 .1zM12 11.5h8.5v3.5M17 11.5v2.5",
  image: "M4 5h16v14H4zM4 16l4.5-4.5 4 4 3-3L20 16M14.5 8.7v.1",
  down: "M12 4.5v12M6.5 11L12 16.5l5.5-5.5M5 20h14",
  check: "M5 12.5l4.5 4.5L19 7.5",
  warning: "M12 4.5L21 19.5H3zM12 10v4.5M12 17v.1",
  retry: "M19.5 12a7.5 7.5 0 1 1-2.2-5.3M19.5 3.5v4h-4",
  play: "M8 5v14l11-7z",
  pause: "M8.5 5.5v13M15.5 5.5v13",
  file: "M7 3.5h7l4.5 4.5v12.5H7zM14 3.5V8h4.5",
  sound: "M4 10v4h4l5 4V6l-5 4zM16.5 9a4 4 0 0 1 0 6",
  broken: "M4 5h16v14H4zM4 16l4.5-4.5 3 3 2.5-2.5L20 17M9.5 5l2 3.5-2 3",
  out: "M13 4.5H5v15h8M10 12h10M16.5 8.5L20 12l-3.5 3.5",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
