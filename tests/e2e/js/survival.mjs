// Encrypted conversation while the server's processes are killed: every message is sent in the end,
// and every device of everybody can read every one.
//
//     node survival.mjs <url> <messages>

import { setTimeout as sleep } from "node:timers/promises";
import { EventStatus } from "matrix-js-sdk";
import { Device, encryptedRoom } from "./encrypting.mjs";

// A new room key, shared with all devices, every so many messages: keys are what may get lost.
const ROTATION = { rotation_period_msgs: 5 };
const BURST = 5; // messages of one device in a row
const RETRY_MS = 300;
const RETRIES_MAX = 200;

const [url, messages] = process.argv.slice(2);

// Whatever takes no id of its own is asked again until it is answered.
async function again(action) {
    for (let tries = 0; ; tries++) {
        try {
            return await action();
        } catch (error) {
            if (tries === RETRIES_MAX) throw error;
            await sleep(RETRY_MS);
        }
    }
}

// Send, and after a failure send the same again, as the library does when a person asks for it; but
// not what came back by sync meanwhile: it was sent, and only the answer was lost.
async function say(device, roomId, body, number) {
    const txnId = `survival-${device.client.getDeviceId()}-${number}`;
    const content = { msgtype: "m.text", body };
    const room = device.client.getRoom(roomId);
    let event = null;
    const sent = await again(() => {
        if (event === null) {
            const sending = device.client.sendEvent(roomId, null, "m.room.message", content, txnId);
            event = room.getLiveTimeline().getEvents().find((each) => each.getTxnId() === txnId);
            return sending;
        }
        if (event.status === null || event.status === EventStatus.SENT) {
            return { event_id: event.getId() };
        }
        return device.client.resendEvent(event, room);
    });
    return sent.event_id;
}

const [alice, bob] = await Promise.all(["alice", "bob"].map((name) => Device.register(url, name)));
const devices = [alice, bob, await alice.another(), await bob.another()];
const roomId = await encryptedRoom(alice, [bob], ROTATION);
console.log("ready"); // from here on processes may die

// All devices talk at once, each a few messages; then everybody must have read everything.
async function round(first) {
    const eventIds = await Promise.all(devices.map(async (device, index) => {
        const sent = [];
        for (let each = 0; each < BURST; each++) {
            const number = first + index * BURST + each;
            sent.push(await say(device, roomId, `message ${number}`, number));
        }
        return sent;
    }));
    for (const eventId of eventIds.flat()) {
        await Promise.all(devices.map((device) => device.reads(eventId)));
    }
    for (const device of devices) device.events.length = 0;
}

let said = 0;
for (; said < Number(messages); said += devices.length * BURST) await round(said);
console.log(`${said} messages, each read by ${devices.length} devices`);
for (const device of devices) device.stop();
process.exit(0);
