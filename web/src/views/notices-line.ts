/** Which one thing is to be said of the connection; the worst first. */

import type { Way } from "../matrix/site-connection";

export interface Line {
  kind: "moving" | "moved" | "offline" | "lost" | "busy";
  until?: number; // ms since 1970: then it is not so any more
}

export interface Circumstances {
  way: Way;
  online: boolean; // as the browser believes
  busyUntil: number; // ms since 1970
  saidUntil: number; // until when it is worth saying that the client has moved; 0 if it never has
  now: number;
}

const BUSY_MS_MIN = 1_500; // less is over before it is read

export function lineOf({ way, online, busyUntil, saidUntil, now }: Circumstances): Line | null {
  if (way === "lost") return { kind: online ? "lost" : "offline" };
  if (way === "moving") return { kind: "moving" };
  if (busyUntil - now > BUSY_MS_MIN) return { kind: "busy", until: busyUntil };
  if (saidUntil > now) return { kind: "moved", until: saidUntil };
  return null;
}
