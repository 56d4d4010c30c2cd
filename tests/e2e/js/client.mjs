// People with matrix-js-sdk in their hands, and how they wait.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import * as sdk from "matrix-js-sdk";
import { logger } from "matrix-js-sdk/lib/logger.js";

export const PATIENCE_MS = 60_000;
const PASSWORD = "correct horse battery staple";

logger.setLevel("warn");

// A store that knows one thing of an earlier run: where its sync stream stood.
class ResumingStore extends sdk.MemoryStore {
    constructor(since) {
        super({});
        this.since = since;
    }

    getSavedSync() {
        return Promise.resolve({ nextBatch: this.since, roomsData: {}, accountData: [] });
    }

    getSavedSyncToken() {
        return Promise.resolve(this.since);
    }
}

export class Person {
    constructor(client) {
        this.client = client;
        this.timeline = []; // every live event of every room, in the order of arrival
        client.on(sdk.RoomEvent.Timeline, (event, room, toStart, removed, data) => {
            if (!toStart && data.liveEvent) this.timeline.push(event);
        });
    }

    get userId() {
        return this.client.getUserId();
    }

    async start(options = {}) {
        await this.client.startClient({ initialSyncLimit: 20, threadSupport: true, ...options });
        await until(() => this.client.isInitialSyncComplete(), "first sync");
        return this;
    }

    room(roomId) {
        return this.client.getRoom(roomId);
    }

    // The live event with this id, once it has come.
    seesId(eventId) {
        return until(() => this.timeline.find((event) => event.getId() === eventId), eventId);
    }

    async say(roomId, body, more = {}) {
        const content = { msgtype: "m.text", body, ...more };
        return (await this.client.sendEvent(roomId, "m.room.message", content)).event_id;
    }

    stop() {
        this.client.stopClient();
    }
}

export async function person(url, name) {
    const username = `${name}-${randomBytes(4).toString("hex")}`;
    const guest = sdk.createClient({ baseUrl: url });
    const auth = { type: "m.login.dummy" };
    const answer = await guest.registerRequest({ username, password: PASSWORD, auth });
    return new Person(client(url, answer));
}

// The same device with a fresh client that goes on from a sync token.
export function again(url, who, since) {
    const login = {
        user_id: who.userId,
        device_id: who.client.getDeviceId(),
        access_token: who.client.getAccessToken(),
    };
    return new Person(client(url, login, new ResumingStore(since)));
}

function client(url, login, store = undefined) {
    return sdk.createClient({
        baseUrl: url,
        userId: login.user_id,
        deviceId: login.device_id,
        accessToken: login.access_token,
        timelineSupport: true,
        store,
    });
}

// Two people, both in one room, both syncing.
export async function pairInRoom(url, options = {}) {
    const [alice, bob] = await Promise.all([person(url, "alice"), person(url, "bob")]);
    const invite = [bob.userId];
    const room = await alice.client.createRoom({ preset: "private_chat", invite, ...options });
    await bob.client.joinRoom(room.room_id);
    await Promise.all([alice.start(), bob.start()]);
    await until(() => alice.room(room.room_id)?.getJoinedMemberCount() === 2, "both in the room");
    return { alice, bob, roomId: room.room_id };
}

// The first truthy value of `look`, or a failure that names what was waited for.
export async function until(look, what) {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
        const value = await look();
        if (value) return value;
        assert(Date.now() < deadline, `waited in vain for: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
}
