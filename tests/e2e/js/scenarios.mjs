// Scenes of a conversation. Each is a function of the server's URL that fails by throwing.
//
//     node scenarios.mjs list
//     node scenarios.mjs <scene> <url>

import assert from "node:assert/strict";
import * as sdk from "matrix-js-sdk";
import { again, pairInRoom, person, until } from "./client.mjs";

const HISTORY = 500;
// One red pixel.
const PICTURE = Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==",
    "base64",
);

const scenes = {
    async invite_join_chat(url) {
        const [alice, bob] = await Promise.all([person(url, "alice"), person(url, "bob")]);
        await Promise.all([alice.start(), bob.start()]);
        const { room_id: roomId } = await alice.client.createRoom({ name: "Beacons" });
        await alice.client.invite(roomId, bob.userId);
        await until(() => bob.room(roomId)?.getMyMembership() === "invite", "the invitation");
        assert.equal(bob.room(roomId).name, "Beacons");
        await bob.client.joinRoom(roomId);
        await until(() => bob.room(roomId).getMyMembership() === "join", "the join");

        const asked = await alice.say(roomId, "Do you see the fire?");
        assert.equal((await bob.seesId(asked)).getContent().body, "Do you see the fire?");
        const answered = await bob.say(roomId, "I see it 🔥");
        const answer = await alice.seesId(answered);
        assert.equal(answer.getContent().body, "I see it 🔥");
        assert.equal(answer.getSender(), bob.userId);
        return [alice, bob];
    },

    async edit(url) {
        const { alice, bob, roomId } = await pairInRoom(url);
        const original = await alice.say(roomId, "helo");
        await bob.seesId(original);
        await alice.say(roomId, "* hello", {
            "m.new_content": { msgtype: "m.text", body: "hello" },
            "m.relates_to": { rel_type: "m.replace", event_id: original },
        });
        const event = bob.room(roomId).findEventById(original);
        await until(() => event.getContent().body === "hello", "the edited text");
        return [alice, bob];
    },

    async reaction(url) {
        const { alice, bob, roomId } = await pairInRoom(url);
        const message = await alice.say(roomId, "tea?");
        const relation = { rel_type: "m.annotation", event_id: message, key: "👍" };
        await bob.client.sendEvent(roomId, "m.reaction", { "m.relates_to": relation });
        const relations = await until(
            () => alice.room(roomId).relations
                .getChildEventsForEvent(message, "m.annotation", "m.reaction"),
            "the reaction",
        );
        assert.deepEqual(relations.getSortedAnnotationsByKey().map(([key]) => key), ["👍"]);
        return [alice, bob];
    },

    async thread(url) {
        const { alice, bob, roomId } = await pairInRoom(url);
        const root = await alice.say(roomId, "root");
        await bob.seesId(root);
        const relation = { "m.relates_to": { rel_type: "m.thread", event_id: root } };
        for (const body of ["one", "two", "three"]) await bob.say(roomId, body, relation);
        const thread = await until(() => alice.room(roomId).getThread(root), "the thread");
        await until(() => thread.length === 3, "three replies");
        await until(() => thread.replyToEvent?.getContent().body === "three", "the last of them");
        return [alice, bob];
    },

    async redaction(url) {
        const { alice, bob, roomId } = await pairInRoom(url);
        const message = await alice.say(roomId, "a secret");
        const event = await bob.seesId(message);
        await alice.client.redactEvent(roomId, message, undefined, { reason: "slip" });
        await until(() => event.isRedacted(), "the redaction");
        assert.deepEqual(event.getContent(), {});
        return [alice, bob];
    },

    async picture(url) {
        const { alice, bob, roomId } = await pairInRoom(url);
        const options = { name: "fire.png", type: "image/png" };
        const { content_uri: mxc } = await alice.client.uploadContent(PICTURE, options);
        const content = { msgtype: "m.image", body: "fire.png", url: mxc, info: {} };
        const { event_id: id } = await alice.client.sendEvent(roomId, "m.room.message", content);
        const seen = (await bob.seesId(id)).getContent().url;
        const address = bob.client.mxcUrlToHttp(
            seen, undefined, undefined, undefined, false, true, true,
        );
        const headers = { Authorization: `Bearer ${bob.client.getAccessToken()}` };
        const answer = await fetch(address, { headers });
        assert.equal(answer.status, 200);
        assert.deepEqual(Buffer.from(await answer.arrayBuffer()), PICTURE);
        return [alice, bob];
    },

    async receipt(url) {
        const { alice, bob, roomId } = await pairInRoom(url);
        const message = await alice.say(roomId, "read me");
        const event = await bob.seesId(message);
        await until(
            () => bob.room(roomId).getUnreadNotificationCount("total") === 1, "one unread",
        );
        await bob.client.sendReadReceipt(event);
        await until(
            () => alice.room(roomId).getEventReadUpTo(bob.userId, true) === message, "the receipt",
        );
        await until(
            () => bob.room(roomId).getUnreadNotificationCount("total") === 0, "none unread",
        );
        return [alice, bob];
    },

    async typing(url) {
        const { alice, bob, roomId } = await pairInRoom(url);
        const member = alice.room(roomId).getMember(bob.userId);
        await bob.client.sendTyping(roomId, true, 30_000);
        await until(() => member.typing, "typing");
        await bob.client.sendTyping(roomId, false, 0);
        await until(() => !member.typing, "no more typing");
        return [alice, bob];
    },

    // History is complete and in order for one who comes late.
    async late_joiner(url) {
        const { alice, bob, roomId } = await pairInRoom(url, { preset: "public_chat" });
        alice.stop();
        bob.stop();
        for (let number = 0; number < HISTORY; number++) {
            await [alice, bob][number % 2].say(roomId, `${number}`);
        }
        const carol = await person(url, "carol");
        await carol.client.joinRoom(roomId);
        await carol.start();
        const room = await until(() => carol.room(roomId), "the room");
        while (room.getLiveTimeline().getPaginationToken(sdk.Direction.Backward)) {
            await carol.client.scrollback(room, 40);
        }
        const events = room.getLiveTimeline().getEvents();
        const numbers = events
            .filter((event) => event.getType() === "m.room.message")
            .map((event) => Number(event.getContent().body));
        assert.deepEqual(numbers, Array.from({ length: HISTORY }, (_, number) => number));
        assert.equal(new Set(events.map((event) => event.getId())).size, events.length);
        assert.equal(events[0].getType(), "m.room.create");
        return [carol];
    },

    // A client that was away goes on from its old token and misses nothing (8 is below the
    // default timeline limit of 10, so the answer has no gap).
    async resume(url) {
        const { alice, bob, roomId } = await pairInRoom(url);
        await bob.seesId(await alice.say(roomId, "before"));
        bob.stop();
        const since = await until(() => bob.client.store.getSyncToken(), "a token");
        const sent = [];
        for (let number = 0; number < 8; number++) sent.push(await alice.say(roomId, `${number}`));
        const returned = again(url, bob, since);
        await returned.start();
        await returned.seesId(sent.at(-1));
        const got = returned.timeline
            .filter((event) => event.getType() === "m.room.message")
            .map((event) => event.getId());
        assert.deepEqual(got.filter((id) => sent.includes(id)), sent);
        return [alice, returned];
    },

    // As Element searches: the newest first, page by page, each result with its neighbours.
    async search(url) {
        const { alice, bob, roomId } = await pairInRoom(url);
        const sent = [];
        for (let number = 0; number < 12; number++) {
            sent.push(await alice.say(roomId, `봉수대에 불이 ${number}번 올랐다`));
        }
        const filter = { rooms: [roomId], limit: 10 };
        const results = await until(async () => {
            const found = await bob.client.searchRoomEvents({ term: "봉수", filter });
            return found.count === sent.length && found;
        }, "the index");
        assert.deepEqual(results.highlights, ["봉수"]);
        await bob.client.backPaginateRoomEventsSearch(results);
        assert.equal(results.next_batch, undefined);
        const contexts = results.results.map((result) => result.context);
        const shown = contexts.map((context) => context.getEvent());
        assert.deepEqual(shown.map((event) => event.getId()), sent.toReversed());
        const around = contexts[1].getTimeline().map((event) => event.getId());
        assert.deepEqual(around, sent.slice(-3));
        assert.equal(contexts[1].getEvent().sender.userId, alice.userId);
        return [alice, bob];
    },
};

const [scene, url] = process.argv.slice(2);
if (scene === "list") {
    console.log(Object.keys(scenes).join("\n"));
} else {
    const people = await scenes[scene](url);
    for (const who of people) who.stop();
    process.exit(0); // the library leaves timers behind
}
