// Somebody who encrypts: joins what she is invited to, and answers each message that she can read.
//
//     node partner.mjs <url>        prints her user and device id, and goes on until killed

import * as sdk from "matrix-js-sdk";
import { Device } from "./encrypting.mjs";

console.debug = () => {}; // the crypto's own words would fill the pipe

const device = await Device.register(process.argv[2], "partner");
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
