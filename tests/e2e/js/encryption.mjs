// Scenes of encrypted conversation, with the library's Rust crypto. Each is a function of the
// server's URL that fails by throwing.
//
//     node encryption.mjs <scene> <url>

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import * as sdk from "matrix-js-sdk";
import { CryptoEvent, VerifierEvent } from "matrix-js-sdk/lib/crypto-api/index.js";
import { logger } from "matrix-js-sdk/lib/logger.js";
import { until } from "./client.mjs";

logger.setLevel("error");

const PASSWORD = "correct horse battery staple";
const ENCRYPTED = {
    type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" },
};
const MESSAGES = 30;

// One device of a person. `secrets` holds the key to their secret storage, as their memory does.
class Device {
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
        this.client = sdk.createClient({
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
        await this.client.startClient({ initialSyncLimit: 100 });
        await until(() => this.client.isInitialSyncComplete(), "first sync");
        return this;
    }

    // Cross-signing keys, secret storage and a key backup, as a client sets them up for a newcomer.
    async bootstrap() {
        const identifier = { type: "m.id.user", user: this.userId };
        await this.crypto.bootstrapCrossSigning({
            authUploadDeviceSigningKeys: (upload) =>
                upload({ type: "m.login.password", identifier, password: PASSWORD }),
        });
        await this.crypto.bootstrapSecretStorage({
            setupNewKeyBackup: true,
            createSecretStorageKey: async () => {
                const key = await this.crypto.createRecoveryKeyFromPassphrase();
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
    reads(eventId) {
        return until(() => {
            const event = this.events.find((each) => each.getId() === eventId);
            return event && event.getType() === "m.room.message" && event;
        }, `${this.userId} to read ${eventId}`);
    }

    stop() {
        this.client.stopClient();
    }
}

async function encryptedRoom(creator, ...guests) {
    const { room_id: roomId } = await creator.client.createRoom({
        preset: "private_chat", initial_state: [ENCRYPTED],
        invite: guests.map((guest) => guest.userId),
    });
    for (const guest of guests) await guest.client.joinRoom(roomId);
    const size = guests.length + 1;
    for (const who of [creator, ...guests]) {
        await until(() => who.client.getRoom(roomId)?.getJoinedMemberCount() === size, "all there");
    }
    return roomId;
}

// Both ends compare emoji, and find them the same.
async function verify(asking, asked, ask) {
    const incoming = new Promise((resolve) => {
        asked.client.on(CryptoEvent.VerificationRequestReceived, resolve);
    });
    const request = await ask();
    const other = await incoming;
    await other.accept();
    await until(() => request.phase === 3, "the request to be ready");
    const verifier = await request.startVerification("m.sas.v1");
    await until(() => other.verifier, "the other's verifier");
    const seen = [];
    for (const each of [verifier, other.verifier]) {
        each.on(VerifierEvent.ShowSas, (sas) => {
            seen.push(JSON.stringify(sas.sas.emoji));
            sas.confirm();
        });
    }
    await Promise.all([verifier.verify(), other.verifier.verify()]);
    assert.equal(seen.length, 2);
    assert.equal(seen[0], seen[1]);
}

const scenes = {
    async chat_encrypted(url) {
        const [alice, bob] = await Promise.all(
            ["alice", "bob"].map((name) => Device.register(url, name)),
        );
        const roomId = await encryptedRoom(alice, bob);
        for (let number = 0; number < MESSAGES; number++) {
            const [from, to] = number % 2 ? [bob, alice] : [alice, bob];
            const read = await to.reads(await from.say(roomId, `message ${number}`));
            assert.equal(read.getContent().body, `message ${number}`);
            assert(read.isEncrypted());
        }
        return [alice, bob];
    },

    // A device that comes later is given the key of what is said from then on.
    async new_device_reads_on(url) {
        const [alice, bob] = await Promise.all(
            ["alice", "bob"].map((name) => Device.register(url, name)),
        );
        const roomId = await encryptedRoom(alice, bob);
        await bob.reads(await alice.say(roomId, "before"));
        const phone = await bob.another();
        await phone.reads(await alice.say(roomId, "after"));
        return [alice, bob, phone];
    },

    async own_devices_verify(url) {
        const alice = await Device.register(url, "alice");
        await alice.bootstrap();
        const phone = await alice.another();
        await until(
            async () => (await phone.crypto.userHasCrossSigningKeys(alice.userId, true)), "keys",
        );
        await verify(phone, alice, () => phone.crypto.requestOwnUserVerification());
        const id = phone.client.getDeviceId();
        await until(async () => {
            const status = await alice.crypto.getDeviceVerificationStatus(alice.userId, id);
            return status?.crossSigningVerified;
        }, "the phone to be signed");
        // Secrets are passed on from device to device: the phone can now sign, too.
        await until(async () => phone.crypto.isCrossSigningReady(), "the phone's own secrets");
        return [alice, phone];
    },

    async people_verify(url) {
        const [alice, bob] = await Promise.all(
            ["alice", "bob"].map((name) => Device.register(url, name)),
        );
        await Promise.all([alice.bootstrap(), bob.bootstrap()]);
        const roomId = await encryptedRoom(alice, bob);
        await bob.reads(await alice.say(roomId, "is that you?"));
        await verify(alice, bob, () => alice.crypto.requestVerificationDM(bob.userId, roomId));
        await until(async () => {
            const status = await alice.crypto.getUserVerificationStatus(bob.userId);
            return status.isCrossSigningVerified();
        }, "Bob to be verified");
        // Alice's other devices see her signature on Bob's key.
        const phone = await alice.another();
        await phone.crypto.userHasCrossSigningKeys(alice.userId, true); // downloads what is public
        await phone.crypto.bootstrapCrossSigning({});
        await until(async () => {
            const status = await phone.crypto.getUserVerificationStatus(bob.userId);
            return status.isCrossSigningVerified();
        }, "Bob to be verified on the phone");
        return [alice, bob, phone];
    },

    async restore_from_backup(url) {
        const [alice, bob] = await Promise.all(
            ["alice", "bob"].map((name) => Device.register(url, name)),
        );
        await alice.bootstrap();
        const roomId = await encryptedRoom(bob, alice);
        const sent = [];
        for (let number = 0; number < 5; number++) sent.push(await bob.say(roomId, `${number}`));
        for (const id of sent) await alice.reads(id);
        await until(async () => {
            const prefix = "/_matrix/client/v3";
            const path = "/room_keys/version";
            const backup = await alice.client.http.authedRequest("GET", path, {}, undefined, { prefix });
            return backup.count > 0;
        }, "the key in the backup");
        alice.stop(); // nobody can help the new device but the backup
        const phone = await alice.another();
        await phone.crypto.loadSessionBackupPrivateKeyFromSecretStorage();
        const restored = await phone.crypto.restoreKeyBackup();
        assert(restored.imported > 0);
        for (const id of sent) await phone.reads(id);
        return [alice, bob, phone];
    },
};

const [scene, url] = process.argv.slice(2);
const devices = await scenes[scene](url);
for (const device of devices) device.stop();
process.exit(0); // the library leaves timers behind
