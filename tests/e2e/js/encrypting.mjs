// People whose devices encrypt, with the library's Rust crypto.

import { randomBytes } from "node:crypto";
import * as sdk from "matrix-js-sdk";
import { logger } from "matrix-js-sdk/lib/logger.js";
import { until } from "./client.mjs";
import { slidingSyncOf } from "./sliding.mjs";

logger.setLevel("error");

const TIMELINE_LIMIT = 100;
const SLIDES = process.argv[4] === "sliding"; // else devices sync by /sync
const PASSWORD = "correct horse battery staple";

// One device of a person. `secrets` holds the key to their secret storage, as their memory does.
export class Device {
    static async register(url, name) {
        const username = `${name}-${randomBytes(4).toString("hex")}`;
        const guest = sdk.createClient({ baseUrl: url });
        const auth = { type: "m.login.dummy" };
        const answer = await guest.registerRequest({ username, password: PASSWORD, auth });
        return new Device(url, answer, {}).start();
    }

    // Another device of the same person.
    async another() {
        const guest = sdk.createClient({ baseUrl: this.url });
        const answer = await guest.loginRequest({
            type: "m.login.password", password: PASSWORD,
            identifier: { type: "m.id.user", user: this.userId },
        });
        return new Device(this.url, answer, this.secrets).start();
    }

    constructor(url, login, secrets) {
        this.url = url;
        this.userId = login.user_id;
        this.secrets = secrets;
        this.events = [];
        this.online = Promise.resolve();
        this.client = sdk.createClient({
            fetchFn: async (...request) => {
                await this.online;
                return fetch(...request);
            },
            baseUrl: url, userId: login.user_id, deviceId: login.device_id,
            accessToken: login.access_token,
            cryptoCallbacks: {
                getSecretStorageKey: async ({ keys }) => {
                    const id = Object.keys(keys)[0];
                    return [id, this.secrets.key];
                },
                cacheSecretStorageKey: () => {},
            },
            verificationMethods: ["m.sas.v1"],
        });
        this.client.on(sdk.RoomEvent.Timeline, (event, room, toStart) => {
            if (!toStart) this.events.push(event);
        });
    }

    async start() {
        await this.client.initRustCrypto({ useIndexedDB: false });
        this.crypto = this.client.getCrypto();
        const filter = new sdk.Filter(this.userId);
        filter.setTimelineLimit(TIMELINE_LIMIT); // else a gap, when the server was long away
        const slidingSync = SLIDES ? slidingSyncOf(this.client) : undefined;
        await this.client.startClient({ initialSyncLimit: TIMELINE_LIMIT, filter, slidingSync });
        await until(() => this.client.getSyncState() === "SYNCING", "first sync");
        return this;
    }

    // Cross-signing keys, secret storage (opened by a key, or by a phrase) and a key backup, as a client sets them up.
    async bootstrap(phrase = undefined) {
        const identifier = { type: "m.id.user", user: this.userId };
        await this.crypto.bootstrapCrossSigning({
            authUploadDeviceSigningKeys: (upload) =>
                upload({ type: "m.login.password", identifier, password: PASSWORD }),
        });
        await this.crypto.bootstrapSecretStorage({
            setupNewKeyBackup: true,
            createSecretStorageKey: async () => {
                const key = await this.crypto.createRecoveryKeyFromPassphrase(phrase);
                this.secrets.key = key.privateKey;
                return key;
            },
        });
        await until(async () => this.crypto.isCrossSigningReady(), "cross-signing");
    }

    async say(roomId, body) {
        const sent = await this.client.sendEvent(roomId, "m.room.message", { msgtype: "m.text", body });
        return sent.event_id;
    }

    // The event once it is decrypted.
    async reads(eventId) {
        const found = () => this.events.find((event) => event.getId() === eventId);
        const read = async () => {
            const event = found();
            if (event) await this.client.decryptEventIfNeeded(event);
            return event?.getType() === "m.room.message" && event;
        };
        const name = `${this.userId} ${this.client.getDeviceId()}`;
        try {
            return await until(read, name);
        } catch {
            const why = found()?.decryptionFailureReason ?? "never came";
            throw new Error(`${name} could not read ${eventId}: ${why}`);
        }
    }

    // Ask nothing of the server until the returned function is called.
    goAway() {
        let comeBack;
        this.online = new Promise((resolve) => (comeBack = resolve));
        return comeBack;
    }

    stop() {
        this.client.stopClient();
    }
}

// Members who have heard of each other, in a room with these settings of encryption.
export async function encryptedRoom(creator, guests, rotation = {}) {
    const content = { algorithm: "m.megolm.v1.aes-sha2", ...rotation };
    const { room_id: roomId } = await creator.client.createRoom({
        preset: "private_chat", initial_state: [{ type: "m.room.encryption", state_key: "", content }],
        invite: guests.map((guest) => guest.userId),
    });
    for (const guest of guests) await guest.client.joinRoom(roomId);
    const size = guests.length + 1;
    for (const who of [creator, ...guests]) {
        await until(() => who.client.getRoom(roomId)?.getJoinedMemberCount() === size, "all there");
    }
    return roomId;
}
