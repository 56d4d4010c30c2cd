/**
 * What linked pages are about, as the server read them: the browser itself never asks the page. The server learns the
 * address, so in encrypted rooms there are none unless the person wants them.
 */

import { signal } from "@preact/signals";

import { session } from "./session";
import { current, siteFetch } from "./sites";

const ANSWERS_MAX = 200; // kept
const TITLE_CHARS_MAX = 200;
const TEXT_CHARS_MAX = 400;
const KEPT = "bongsu.previews";

export interface Preview {
  title: string;
  text: string;
  site: string;
  image?: string; // mxc
  imageWidth?: number;
}

export interface Wanted {
  plain: boolean;
  encrypted: boolean;
}

/** In which rooms this person wants previews; a choice of this device. */
export const wanted = signal<Wanted>(kept());

export function want(next: Wanted): void {
  wanted.value = next;
  try {
    localStorage.setItem(KEPT, JSON.stringify(next));
  } catch {
    // holds until the page is closed
  }
}

const answers = new Map<string, Promise<Preview | null>>();

/** `at`: when the message was sent, ms since 1970. Null where there is nothing to show. */
export function previewOf(url: string, at: number): Promise<Preview | null> {
  const before = answers.get(url);
  if (before) return before;
  const asked = ask(url, at).catch(() => {
    answers.delete(url); // a passing trouble: the next time it is asked again
    return null;
  });
  answers.set(url, asked);
  if (answers.size > ANSWERS_MAX) answers.delete(answers.keys().next().value!);
  return asked;
}

async function ask(url: string, at: number): Promise<Preview | null> {
  const query = new URLSearchParams({ url, ts: String(Math.max(0, Math.floor(at))) });
  const answer = await siteFetch(`${current.peek()}/_matrix/client/v1/media/preview_url?${query}`, {
    headers: { authorization: `Bearer ${session.peek()?.accessToken}` },
  });
  if (answer.status >= 500) throw new Error("no preview now");
  return answer.ok ? preview((await answer.json()) as Record<string, unknown>, url) : null;
}

/** Pages say what they like: only text and our own media are taken over. */
export function preview(said: Record<string, unknown>, url: string): Preview | null {
  const text = (key: string, max: number) => (typeof said[key] === "string" ? (said[key] as string).trim().slice(0, max) : "");
  const title = text("og:title", TITLE_CHARS_MAX);
  if (!title) return null;
  const image = text("og:image", TITLE_CHARS_MAX);
  const width = said["og:image:width"];
  return {
    title,
    text: text("og:description", TEXT_CHARS_MAX),
    site: text("og:site_name", TITLE_CHARS_MAX) || new URL(url).host,
    ...(image.startsWith("mxc://") ? { image } : {}),
    ...(typeof width === "number" ? { imageWidth: width } : {}),
  };
}

function kept(): Wanted {
  try {
    return { plain: true, encrypted: false, ...(JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Partial<Wanted>) };
  } catch {
    return { plain: true, encrypted: false };
  }
}
