/**
 * Bytes on their way to the server, with progress (which fetch cannot tell). An address is reserved first and the
 * bytes are put there until it is done, so that an upload repeated after a lost answer makes no second copy.
 * Matrix spec: client-server API, "POST /_matrix/media/v1/create".
 */

import { session } from "./session";
import { current, siteFetch } from "./sites";

const SILENT_MS_MAX = 30_000; // no byte got further: the connection is taken for dead
const TRIES_MAX = 3; // without an answer
const WAIT_MS = 1_000;
const WAIT_MS_MAX = 30_000;
const BUSY_MS_MAX = 300_000; // of waiting in all, while the server answers that it is busy

export type Failure =
  | "too-large" | "refused" | "unreachable" | "busy" // said by the server, or by its silence
  | "unreadable" | "tells-place" | "insecure" | "no-encryption" | "full" | "cancelled"; // found out here

export class UploadFailed extends Error {
  constructor(readonly why: Failure, readonly retryAfterMs = 0) {
    super(why);
  }
}

/** Where the bytes of one file go; kept over the tries of one upload. */
export interface Ticket {
  mxc?: string;
  done?: boolean;
}

export interface Watch {
  onSent(bytes: number): void;
  /** The server is busy, and waited for; then not any more. */
  onWaiting?(isWaiting: boolean): void;
  signal: AbortSignal;
}

/** The mxc address. Throws UploadFailed. */
export async function upload(bytes: Blob, name: string | null, ticket: Ticket, watch: Watch): Promise<string> {
  let [unanswered, busyMs] = [0, 0];
  for (let tries = 1; ; tries++) {
    try {
      ticket.mxc ??= await reserved(watch.signal);
      if (!ticket.done) await put(ticket.mxc, bytes, name, watch);
      ticket.done = true;
      return ticket.mxc;
    } catch (error) {
      const { why, retryAfterMs } = error instanceof UploadFailed ? error : new UploadFailed("unreachable");
      if (why === "refused") delete ticket.mxc; // the reserved address may have run out: the next try takes another
      if (watch.signal.aborted) throw new UploadFailed("cancelled");
      const wait = Math.min(retryAfterMs > 0 ? retryAfterMs : WAIT_MS * 2 ** (tries - 1), WAIT_MS_MAX);
      if (why === "unreachable" ? ++unanswered >= TRIES_MAX : why !== "busy" || (busyMs += wait) > BUSY_MS_MAX) throw new UploadFailed(why);
      watch.onWaiting?.(why === "busy");
      await pause(wait, watch.signal);
      await anotherSite(watch.signal);
      watch.onWaiting?.(false);
    }
  }
}

/** The largest file that the server takes; null if it does not say. */
export async function largestUpload(): Promise<number | null> {
  try {
    const answer = await siteFetch(`${current.peek()}/_matrix/client/v1/media/config`, { headers: authorised() });
    const bytes = answer.ok ? ((await answer.json()) as Record<string, unknown>)["m.upload.size"] : null;
    return typeof bytes === "number" ? bytes : null;
  } catch {
    return null;
  }
}

async function reserved(signal: AbortSignal): Promise<string> {
  const url = `${current.peek()}/_matrix/media/v1/create`;
  const answer = await siteFetch(url, { method: "POST", headers: authorised(), body: "{}", signal }).catch(() => null);
  if (!answer?.ok) throw refusal(answer?.status ?? 0, answer?.headers.get("retry-after") ?? null);
  return ((await answer.json()) as { content_uri: string }).content_uri;
}

function put(mxc: string, bytes: Blob, name: string | null, { onSent, signal }: Watch): Promise<void> {
  const [server, id] = mxc.slice("mxc://".length).split("/") as [string, string];
  const query = name ? `?filename=${encodeURIComponent(name)}` : "";
  const site = current.peek();
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let silence = setTimeout(() => request.abort(), SILENT_MS_MAX);
    const abort = () => request.abort();
    signal.addEventListener("abort", abort);
    const stay = current.subscribe((now) => {
      if (now !== site) request.abort(); // everything else has left this site
    });
    request.upload.onprogress = ({ loaded }) => {
      clearTimeout(silence);
      silence = setTimeout(() => request.abort(), SILENT_MS_MAX);
      onSent(loaded);
    };
    request.onloadend = () => {
      clearTimeout(silence);
      signal.removeEventListener("abort", abort);
      stay();
      // 409: it had arrived before, only the answer was lost
      if (request.status === 200 || request.status === 409) resolve();
      else reject(refusal(request.status, request.status ? request.getResponseHeader("retry-after") : null));
    };
    request.open("PUT", `${site}/_matrix/media/v3/upload/${encodeURIComponent(server)}/${id}${query}`);
    for (const [header, value] of Object.entries(authorised())) request.setRequestHeader(header, value);
    request.setRequestHeader("content-type", bytes.type || "application/octet-stream");
    request.send(bytes);
  });
}

/** A cheap question through the common door: if the site is gone, that finds another. */
async function anotherSite(signal: AbortSignal): Promise<void> {
  await siteFetch(`${current.peek()}/_matrix/client/versions`, { signal }).catch(() => undefined);
}

function refusal(status: number, retryAfter: string | null): UploadFailed {
  if (status === 413) return new UploadFailed("too-large");
  if (status === 429 || status === 503) return new UploadFailed("busy", Number(retryAfter) * 1000 || 0);
  return new UploadFailed(status === 0 || status >= 500 ? "unreachable" : "refused");
}

function authorised(): Record<string, string> {
  return { authorization: `Bearer ${session.peek()?.accessToken}` };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((go) => {
    const timer = setTimeout(go, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      go();
    });
  });
}
