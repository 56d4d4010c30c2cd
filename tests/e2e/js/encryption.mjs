// Scenes of encrypted conversation. Each is a function of the server's URL that fails by throwing.
//
//     node encryption.mjs <scene> <url> [sliding]

import assert from "node:assert/strict";
import { CryptoEvent, VerifierEvent } from "matrix-js-sdk/lib/crypto-api/index.js";
import { until } from "./client.mjs";
import { Device, encryptedRoom } from "./encrypting.mjs";

const MESSAGES = 30;

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

// A key of somebody's device as the server hands it out; null if there is none.
async function claim(who, whose) {
    const deviceId = whose.client.getDeviceId();
    const answer = await who.client.claimOneTimeKeys([[whose.userId, deviceId]], "signed_curve25519");
    const keys = answer.one_time_keys[whose.userId]?.[deviceId] ?? {};
    return Object.keys(keys)[0] ?? null;
}

// What sliding sync says now of a device and its keys, whatever its client is doing.
async function extensions(device) {
    const query = new URLSearchParams({ access_token: device.client.getAccessToken() });
    const path = `/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?${query}`;
    const body = { conn_id: "probe", extensions: { e2ee: { enabled: true } } };
    const answer = await fetch(device.url + path, { method: "POST", body: JSON.stringify(body) });
    return (await answer.json()).extensions;
}

const scenes = {
    async chat_encrypted(url) {
        const [alice, bob] = await Promise.all(
            ["alice", "bob"].map((name) => Device.register(url, name)),
        );
        const roomId = await encryptedRoom(alice, [bob]);
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
        const roomId = await encryptedRoom(alice, [bob]);
        await bob.reads(await alice.say(roomId, "before"));
        const phone = await bob.another();
        await phone.reads(await alice.say(roomId, "after"));
        return [alice, bob, phone];
    },

    // All keys of a device that is away are claimed, each once; then its fallback key, again and
    // again. It learns so by its sync, and brings new ones.
    async keys_run_out(url) {
        const [alice, bob] = await Promise.all(
            ["alice", "bob"].map((name) => Device.register(url, name)),
        );
        const roomId = await encryptedRoom(alice, [bob]);
        await until(async () => (await claim(alice, bob)) !== null, "keys of Bob's");
        const comeBack = bob.goAway();
        const claimed = new Set();
        let last = await claim(alice, bob);
        for (; !claimed.has(last); last = await claim(alice, bob)) claimed.add(last);
        assert(claimed.size > 20, `${claimed.size} keys`);
        const { e2ee } = await extensions(bob);
        assert.equal(e2ee.device_one_time_keys_count.signed_curve25519, 0);
        assert.deepEqual(e2ee.device_unused_fallback_key_types, []);
        const sent = await alice.say(roomId, "with the fallback key");
        comeBack();
        await bob.reads(sent);
        await until(async () => !claimed.has(await claim(alice, bob)), "new one-time keys");
        return [alice, bob];
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
        const roomId = await encryptedRoom(alice, [bob]);
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

    // All devices are gone but the dehydrated one. The next device wakes it, and with its keys reads
    // what was sent meanwhile.
    async dehydrated_device(url) {
        const [alice, bob] = await Promise.all(
            ["alice", "bob"].map((name) => Device.register(url, name)),
        );
        await alice.bootstrap();
        await until(async () => alice.crypto.isSecretStorageReady(), "secret storage");
        assert(await alice.crypto.isDehydrationSupported());
        await alice.crypto.startDehydration({ createNewKey: true });
        const roomId = await encryptedRoom(bob, [alice]);
        await alice.reads(await bob.say(roomId, "before"));
        await alice.client.logout(true);
        const sent = [];
        for (let number = 0; number < 5; number++) sent.push(await bob.say(roomId, `${number}`));
        const phone = await alice.another();
        await phone.crypto.userHasCrossSigningKeys(alice.userId, true); // downloads what is public
        await phone.crypto.bootstrapCrossSigning({});
        await phone.crypto.startDehydration();
        for (const id of sent) await phone.reads(id);
        return [bob, phone];
    },

    async restore_from_backup(url) {
        const [alice, bob] = await Promise.all(
            ["alice", "bob"].map((name) => Device.register(url, name)),
        );
        await alice.bootstrap();
        const roomId = await encryptedRoom(bob, [alice]);
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
