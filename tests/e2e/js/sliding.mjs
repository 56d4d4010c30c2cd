// matrix-js-sdk's own sliding sync, turned from the first draft (MSC3575), which this release of the
// library speaks, to the one that servers speak (MSC4186): parameters are in the query, and each
// request says all that it wants, for nothing of it is remembered.

import * as sdk from "matrix-js-sdk";
import { SlidingSync } from "matrix-js-sdk/lib/sliding-sync.js";

const PREFIX = "/_matrix/client/unstable/org.matrix.simplified_msc3575";
const POLL_MS = 10_000;
const ROOMS = {
    ranges: [[0, 99]], timeline_limit: 50, filters: {}, required_state: [["*", "*"]],
};

// Whether this client's sync slides; to be passed to `startClient`.
export function slidingSyncOf(client) {
    const wanted = { lists: {}, extensions: {} };
    client.slidingSync = async (request, _url, signal) => {
        for (const [key, list] of Object.entries(request.lists ?? {})) {
            const { sort: _, bump_event_types: __, ...known } = { ...ROOMS, ...list };
            wanted.lists[key] = known;
        }
        for (const [name, extension] of Object.entries(request.extensions ?? {})) {
            wanted.extensions[name] = { ...wanted.extensions[name], ...extension };
        }
        const query = { timeout: request.pos ? request.timeout : 0 };
        if (request.pos) query.pos = request.pos;
        const body = { ...wanted, conn_id: "rooms" };
        const options = { prefix: PREFIX, abortSignal: signal, localTimeoutMs: 3 * POLL_MS };
        return client.http.authedRequest(sdk.Method.Post, "/sync", query, body, options);
    };
    return new SlidingSync("", new Map([["all", ROOMS]]), { timeline_limit: 50 }, client, POLL_MS);
}
