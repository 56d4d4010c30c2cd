/**
 * `fetch` over several sites: a request goes to the site of now, and again to another one when that one is lost.
 *
 * What may be done twice without harm (GET, PUT, DELETE: a message is a PUT under its transaction id) is repeated, with
 * the very same address and body, so a long poll goes on from where it was. What may not be repeated fails as `SiteLost`,
 * which says that its outcome is unknown. A request that hears nothing more, though its site lives, is given up and
 * repeated once. A site that is busy (429, 502 to 504) is asked again when it said so, where it
 * was only read; what writes gets the answer, for its own queue to decide.
 */

import { anySignal, pause } from "./pause";

const REPEATABLE = new Set(["GET", "HEAD", "PUT", "DELETE"]);
// Asked by POST, but only reading, or the same however often it is done.
const REPEATABLE_POSTS =
  /\/(?:keys\/query|keys\/upload|keys\/signatures\/upload|search|user_directory\/search|read_markers|receipt\/.+)$/;
const REPEATS_MAX = 3; // at a site that answers others: then the request itself is at fault
const REPEAT_MS = 250;
const UNREACHED_MS_MAX = 30_000; // for what a person waits for; a poll waits as long as its caller does
const VERSIONS_UNREACHED_MS_MAX = 1_500; // the SDK shows nothing of what is kept here before this is answered or failed
const VERSIONS_SILENT_MS_MAX = 3_000;
const POLL_SILENT_MS_MORE = 15_000; // than the poll asked for: its connection died without a word, though the site lives
const SILENT_MS_MAX = 30_000; // without a byte
const UNREPEATABLE_SILENT_MS_MAX = 60_000;
const HOLDS_MAX = 3; // the same, of a site that is busy
const HOLD_MS = 1_000; // at first, where the site does not say how long
const HOLD_MS_MAX = 60_000;
const GRACE_MS = 5_000; // for what cannot be repeated, after its site has been left
const BUSY = new Set([429, 502, 503, 504]);
const WITHOUT_BODY = new Set([101, 204, 205, 304]);

/** The site went away while it had a request that must not be made twice. Whether it was done is not known. */
export class SiteLost extends TypeError {}

/** The site lives, but has not said a byte for too long to this request. */
class Silence extends TypeError {}

/** What requests need to know of the sites, and tell them. */
export interface Sites {
  current(): string;
  isOurs(origin: string): boolean;
  /** Whether the site has answered anything in the last moments. */
  isFresh(site: string): boolean;
  /** Find out who answers, now. Resolves when somebody does; rejects when `signal` is aborted. */
  settle(signal?: AbortSignal | null): Promise<void>;
  /** The site answered that it cannot: look, soon, whether another one can. */
  doubt(): void;
  heard(site: string): void;
  busyUntil(at: number): void; // ms since 1970
  onMove(moved: (to: string) => void): () => void;
}

export function siteFetcher(sites: Sites, plain: typeof fetch): typeof fetch {
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (input instanceof Request || !sites.isOurs(url.origin)) return plain(input, init);
    return new Errand(sites, plain, url, init).run();
  };
}

/** One request, until it is answered. */
class Errand {
  private readonly path: string;
  private readonly method: string;
  private readonly repeatable: boolean;
  private readonly isPoll: boolean;
  private readonly isMedia: boolean; // handed on as it comes
  private readonly silentMsMax: number | null;
  private readonly unreachedMsMax: number;
  private failures = 0;
  private holds = 0;

  constructor(
    private readonly sites: Sites,
    private readonly plain: typeof fetch,
    url: URL,
    private readonly init: RequestInit,
  ) {
    this.path = url.href.slice(url.origin.length);
    this.method = (init.method ?? "GET").toUpperCase();
    this.repeatable = isRepeatable(this.method, url.pathname) && !(init.body instanceof ReadableStream);
    this.isPoll = url.pathname.endsWith("/sync");
    const isVersions = url.pathname === "/_matrix/client/versions";
    this.isMedia = url.pathname.includes("/media/");
    this.silentMsMax = isVersions ? VERSIONS_SILENT_MS_MAX : silentMsMax(url, this.repeatable);
    this.unreachedMsMax = isVersions ? VERSIONS_UNREACHED_MS_MAX : UNREACHED_MS_MAX;
  }

  async run(): Promise<Response> {
    if (!this.repeatable && !this.sites.isFresh(this.sites.current())) await this.settle();
    for (;;) {
      const site = this.sites.current();
      const answer = await this.attempt(site).catch((error: unknown) => this.failed(site, error));
      if (answer && (await this.isFinal(site, answer))) return answer;
    }
  }

  /** One request at one site, given up when the client moves. Its body has been read wholly, unless it is media. */
  private async attempt(site: string): Promise<Response> {
    const { signal } = this.init;
    signal?.throwIfAborted();
    const over = new AbortController();
    const follow = () => over.abort(signal?.reason);
    let silent: ReturnType<typeof setTimeout> | undefined;
    const heard = () => {
      clearTimeout(silent);
      if (this.silentMsMax === null) return;
      silent = setTimeout(() => over.abort(new Silence("nothing was heard of a request for too long")), this.silentMsMax);
    };
    let late: ReturnType<typeof setTimeout> | undefined;
    const stop = this.sites.onMove((to) => {
      if (to === site) return;
      if (this.repeatable) over.abort();
      else late ??= setTimeout(() => over.abort(), GRACE_MS);
    });
    const done = () => {
      clearTimeout(silent);
      clearTimeout(late);
      stop();
      signal?.removeEventListener("abort", follow);
    };
    signal?.addEventListener("abort", follow);
    over.signal.addEventListener("abort", done);
    heard();
    try {
      const answer = await this.plain(site + this.path, { ...this.init, signal: over.signal });
      const { status, statusText, headers } = answer;
      if (answer.body && this.isMedia) {
        return new Response(answer.body.pipeThrough(heeded(heard, done)), { status, statusText, headers });
      }
      const body = await whole(answer, heard);
      done();
      return new Response(WITHOUT_BODY.has(status) ? null : body, { status, statusText, headers });
    } catch (error) {
      done();
      throw error;
    }
  }

  /** Throws what the caller is to see; else it may be tried again. */
  private async failed(site: string, error: unknown): Promise<null> {
    if (this.init.signal?.aborted) throw error;
    if (!this.repeatable) {
      void this.sites.settle().catch(() => undefined);
      throw new SiteLost("the site went away; whether the request was done is not known", { cause: error });
    }
    if (this.sites.current() === site) await this.settle(error);
    const weight = error instanceof Silence ? REPEATS_MAX - 1 : 1; // one wait as long as that is enough, not three
    this.failures = this.sites.current() === site ? this.failures + weight : 0;
    if (this.failures > REPEATS_MAX) throw error;
    if (this.failures) await pause(REPEAT_MS * 2 ** this.failures, this.init.signal);
    return null;
  }

  private async settle(error?: unknown): Promise<void> {
    if (this.isPoll) return this.sites.settle(this.init.signal);
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(error ?? new TypeError("no site answers")), this.unreachedMsMax);
    try {
      await this.sites.settle(anySignal(this.init.signal, late.signal));
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether the caller is to have this answer; a busy site has been waited for otherwise. */
  private async isFinal(site: string, answer: Response): Promise<boolean> {
    this.sites.heard(site);
    // A page that cannot be previewed is told by 502 too: its site is at fault, not ours.
    if (!BUSY.has(answer.status) || this.path.includes("/preview_url")) return true;
    if (answer.status !== 429) this.sites.doubt();
    if (this.method !== "GET" || (!this.isPoll && this.holds >= HOLDS_MAX)) return true;
    const wait = (await retryAfter(answer)) ?? HOLD_MS * 2 ** Math.min(this.holds, 4);
    this.holds += 1;
    await this.hold(Math.min(wait, HOLD_MS_MAX));
    return false;
  }

  /** Wait, but not for a site that has been left meanwhile. */
  private async hold(ms: number): Promise<void> {
    const moved = new AbortController();
    const stop = this.sites.onMove(() => moved.abort());
    this.sites.busyUntil(Date.now() + ms);
    try {
      await pause(ms, anySignal(this.init.signal, moved.signal));
    } catch (error) {
      if (!moved.signal.aborted || this.init.signal?.aborted) throw error;
      this.sites.busyUntil(0);
    } finally {
      stop();
    }
  }
}

/** Ms that a busy site wants to be left alone; null if it does not say. The answer can still be read afterwards. */
export async function retryAfter(answer: Response): Promise<number | null> {
  const header = answer.headers.get("retry-after");
  const seconds = Number(header);
  if (header && seconds >= 0) return seconds * 1000;
  const at = Date.parse(header ?? "");
  if (!Number.isNaN(at)) return Math.max(at - Date.now(), 0);
  const said = (await answer.clone().json().catch(() => null)) as { retry_after_ms?: unknown } | null;
  const told = Number(said?.retry_after_ms);
  return told > 0 ? told : null;
}

/** A first sync has no bound: it is long in the making, and its caller knows how long it waits. */
function silentMsMax({ pathname, searchParams }: URL, repeatable: boolean): number | null {
  if (!pathname.endsWith("/sync")) return repeatable ? SILENT_MS_MAX : UNREPEATABLE_SILENT_MS_MAX;
  return searchParams.has("since") ? (Number(searchParams.get("timeout")) || 0) + POLL_SILENT_MS_MORE : null;
}

/** The body of an answer; `heard` is called at each piece of it. */
async function whole(answer: Response, heard: () => void): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  const reader = answer.body?.getReader();
  for (let piece = await reader?.read(); piece?.value; piece = await reader!.read()) {
    heard();
    pieces.push(piece.value);
  }
  const body = new Uint8Array(pieces.reduce((bytes, piece) => bytes + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    body.set(piece, at);
    at += piece.length;
  }
  return body;
}

/** The same for what is handed on as it comes; `done` at its end, whoever ends it. */
function heeded(heard: () => void, done: () => void): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform(piece, on) {
      heard();
      on.enqueue(piece);
    },
    flush: done,
    cancel: done,
  } as Transformer<Uint8Array, Uint8Array>);
}

export function isRepeatable(method: string, path: string): boolean {
  return REPEATABLE.has(method) || (method === "POST" && REPEATABLE_POSTS.test(path));
}
