// Scenes of encrypted conversation. Each is a function of the server's URL that fails by throwing.
//
//     node encryption.mjs <scene> <url>

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
