// Somebody whose app makes the key of secret storage from a phrase: writes an encrypted note, and is gone.
//
//     node phrase.mjs <url>
//
// prints `partner <user id> <device id>`, reads the phrase, and prints `wrote <room id>` once the note can be read by
// whoever opens the backup.

import { createInterface } from "node:readline/promises";
import { until } from "./client.mjs";
import { Device, encryptedRoom } from "./encrypting.mjs";

console.debug = () => {}; // the crypto's own words would fill the pipe

const device = await Device.register(process.argv[2], "phrase");
console.log(`partner ${device.userId} ${device.client.getDeviceId()}`);

// As the server has it: the library remembers an older answer.
async function backup() {
    const headers = { authorization: `Bearer ${device.client.getAccessToken()}` };
    return (await fetch(`${device.url}/_matrix/client/v3/room_keys/version`, { headers })).json();
}

for await (const phrase of createInterface({ input: process.stdin })) {
    await device.bootstrap(phrase);
    const roomId = await encryptedRoom(device, []);
    await device.say(roomId, "written elsewhere");
    await until(async () => (await backup()).count > 0, "the note's key in the backup");
    await device.client.logout(true);
    console.log(`wrote ${roomId}`);
}
