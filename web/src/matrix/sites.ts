/**
 * Which data centre is spoken to. Every request of the client goes through `siteFetch`.
 */

import { signal } from "@preact/signals";

export const sites = signal<string[]>([location.origin]);
export const current = signal<string>(location.origin);

/** `fetch` for matrix-js-sdk: the same request, at the site that answers. */
export const siteFetch: typeof fetch = (input, init) => fetch(input, init);
