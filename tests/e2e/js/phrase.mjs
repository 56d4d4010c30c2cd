// Somebody whose app makes the key of secret storage from a phrase, and is gone.
//
//     node phrase.mjs <url>
//
// prints `partner <user id> <device id>`, reads the phrase, and prints `made` when it has signed out.

import { createInterface } from "node:readline/promises";
import { Device } from "./encrypting.mjs";

console.debug = () => {}; // the crypto's own words would fill the pipe

const device = await Device.register(process.argv[2], "phrase");
console.log(`partner ${device.userId} ${device.client.getDeviceId()}`);

for await (const phrase of createInterface({ input: process.stdin })) {
    await device.bootstrap(phrase);
    await device.client.logout(true);
    console.log("made");
}
