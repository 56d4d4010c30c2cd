/** A person's or a room's picture; until there is one, the first letter on a colour of its own. */

import { useMedia } from "./use-media";
import "./avatar.css";

const HUES = 12;
const SIDE_PIXELS = 96; // of the thumbnail asked for: sharp on a dense screen

interface Shown {
  name: string;
  id: string;
  mxc?: string; // of the picture, or empty
  large?: boolean;
}

export function Avatar({ name, id, mxc, large }: Shown) {
  const picture = useMedia(mxc ? { mxc, side: large ? SIDE_PIXELS * 2 : SIDE_PIXELS } : null);
  return (
    <span class={large ? "avatar large" : "avatar"} data-hue={hash(id) % HUES} aria-hidden="true">
      {picture?.state === "ready" ? <img src={picture.url} alt="" draggable={false} /> : letter(name)}
    </span>
  );
}

/** What a reader takes for one letter, be it made of several code points. */
function letter(name: string): string {
  return [...name.replace(/^[@#!]/, "").trimStart()][0]?.toUpperCase() ?? "?";
}

function hash(text: string): number {
  let sum = 0;
  for (const letter of text) sum = (sum * 31 + letter.codePointAt(0)!) >>> 0;
  return sum;
}
