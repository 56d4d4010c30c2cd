// Somebody who joins what she is invited to, verifies a device by emoji, and answers what she reads.
//
//     node verifier.mjs <url>
//
// prints `partner <user id> <device id>`, reads `<user id> <device id>` of somebody whom it wrote to,
// asks that device to be verified, prints `emoji <symbols>`, finds them the same, and prints `verified` once both have.

import { createInterface } from "node:readline/promises";
import * as sdk from "matrix-js-sdk";
import { VerifierEvent } from "matrix-js-sdk/lib/crypto-api/index.js";
import { until } from "./client.mjs";
import { Device } from "./encrypting.mjs";

console.debug = () => {}; // the crypto's own words would fill the pipe

const device = await Device.register(process.argv[2], "verifier");
device.client.on(sdk.RoomMemberEvent.Membership, (event, member) => {
    if (member.userId === device.userId && member.membership === "invite") {
        device.client.joinRoom(member.roomId);
    }
});
device.client.on(sdk.MatrixEventEvent.Decrypted, (event) => {
    if (event.getSender() === device.userId || event.getType() !== "m.room.message") return;
    device.say(event.getRoomId(), `read: ${event.getContent().body}`);
});
console.log(`partner ${device.userId} ${device.client.getDeviceId()}`);

for await (const line of createInterface({ input: process.stdin })) {
    const [userId, deviceId] = line.split(" ");
    await until(async () => {
        const devices = await device.crypto.getUserDeviceInfo([userId]);
        return devices.get(userId)?.has(deviceId);
    }, "the other's device");
    const request = await device.crypto.requestDeviceVerification(userId, deviceId);
    await until(() => request.phase === 3, "the request to be ready");
    const verifier = await request.startVerification("m.sas.v1");
    verifier.on(VerifierEvent.ShowSas, (sas) => {
        console.log(`emoji ${sas.sas.emoji.map(([symbol]) => symbol).join(" ")}`);
        sas.confirm();
    });
    await verifier.verify();
    const status = await device.crypto.getDeviceVerificationStatus(userId, deviceId);
    console.log(status.localVerified ? "verified" : "not verified");
}
