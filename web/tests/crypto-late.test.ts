/** What the sync loop is told before, while and after the engine of encryption comes. */

import type { MatrixEvent, Room } from "matrix-js-sdk";
import type { SyncCryptoCallbacks, SyncCryptoChanges } from "matrix-js-sdk/lib/common-crypto/CryptoBackend";
import { expect, test } from "vitest";

import { LateCrypto } from "../src/matrix/crypto-late";

const CHANGES = { toDeviceEvents: [{ type: "m.room_key" }] } as unknown as SyncCryptoChanges;
const TOKEN = { nextSyncToken: "s1" };

/** An engine that writes down what it is told. */
function engine(told: string[] = []): SyncCryptoCallbacks & { told: string[] } {
  return {
    told,
    processSyncChanges: async ({ toDeviceEvents }) => {
      told.push(`changes ${toDeviceEvents.length}`);
      return [];
    },
    onCryptoEvent: async (room) => void told.push(`encrypted ${room.roomId}`),
    onSyncCompleted: ({ nextSyncToken }) => void told.push(`completed ${nextSyncToken ?? "-"}`),
    markAllTrackedUsersAsDirty: async () => void told.push("dirty"),
  };
}

function encrypted(late: LateCrypto, roomId: string): Promise<void> {
  return late.onCryptoEvent({ roomId } as Room, {} as MatrixEvent);
}

test("a device without keys waits for nothing", async () => {
  const late = new LateCrypto();
  const received = await late.processSyncChanges(CHANGES);
  expect(received).toEqual([{ message: CHANGES.toDeviceEvents[0], encryptionInfo: null }]);
  late.onSyncCompleted(TOKEN);
});

test("a device with keys lets the server's answer wait, and none of it passes the engine by", async () => {
  const late = new LateCrypto();
  late.hold();
  let over = false;
  const waiting = late.processSyncChanges(CHANGES).then((received) => {
    over = true;
    return received;
  });
  await encrypted(late, "!cached:x"); // from what was kept here, shown meanwhile
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(over).toBe(false);
  const arrived = engine();
  await late.arrive(arrived);
  expect(await waiting).toEqual([]);
  expect(arrived.told).toEqual(["encrypted !cached:x", "completed -", "changes 1"]);
});

test("rooms that were there before are told once, later ones as they come", async () => {
  const late = new LateCrypto();
  await encrypted(late, "!a:x");
  await encrypted(late, "!a:x");
  await encrypted(late, "!b:x");
  const arrived = engine();
  await late.arrive(arrived);
  await encrypted(late, "!c:x");
  late.onSyncCompleted(TOKEN);
  expect(arrived.told).toEqual(["encrypted !a:x", "encrypted !b:x", "completed -", "encrypted !c:x", "completed s1"]);
});

test("without hope of an engine the loop goes on", async () => {
  const late = new LateCrypto();
  late.hold();
  const waiting = late.processSyncChanges(CHANGES);
  late.giveUp();
  expect(await waiting).toHaveLength(1);
});
