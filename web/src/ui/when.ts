/** Moments in few characters, as people say them: the time of today, "yesterday", a date. */

import { language, type Language, words } from "../words";

const DAY_MS = 86_400_000;

const w = words({ yesterday: ["어제", "Yesterday"] });

const TIME: Intl.DateTimeFormatOptions = { hour: "numeric", minute: "2-digit" };
const DAY: Intl.DateTimeFormatOptions = { month: "short", day: "numeric" };
const DATE: Intl.DateTimeFormatOptions = { year: "numeric", month: "numeric", day: "numeric" };

const formats = new Map<string, Intl.DateTimeFormat>(); // costly to make, and there are many rows

/** `now` is a parameter so that nothing here depends on a clock. */
export function shortWhen(ms: number, now = Date.now()): string {
  if (!ms) return "";
  const days = Math.round((startOfDay(now) - startOfDay(ms)) / DAY_MS);
  if (days === 0) return format(ms, TIME);
  if (days === 1) return w.yesterday;
  return format(ms, new Date(ms).getFullYear() === new Date(now).getFullYear() ? DAY : DATE);
}

function format(ms: number, options: Intl.DateTimeFormatOptions): string {
  const spoken: Language = language.value;
  const key = spoken + Object.keys(options).join();
  let made = formats.get(key);
  if (!made) formats.set(key, (made = new Intl.DateTimeFormat(spoken === "ko" ? "ko-KR" : "en-GB", options)));
  return made.format(ms);
}

function startOfDay(ms: number): number {
  return new Date(ms).setHours(0, 0, 0, 0);
}
