/** Why a message cannot be read, as people are told. */

import { MatrixEvent } from "matrix-js-sdk";
import { DecryptionFailureCode } from "matrix-js-sdk/lib/crypto-api";
import { expect, test, vi } from "vitest";

vi.stubGlobal("location", { hash: "", origin: "http://127.0.0.1" });
vi.stubGlobal("localStorage", { getItem: () => null });
vi.stubGlobal("window", globalThis);
vi.stubGlobal("addEventListener", () => undefined);
vi.stubGlobal("document", { documentElement: {}, addEventListener: () => undefined });
const { unreadable } = await import("../src/matrix/crypto-rooms");

function failed(code: DecryptionFailureCode | null, at = 50): MatrixEvent {
  const event = new MatrixEvent({ type: "m.room.encrypted", origin_server_ts: at });
  Object.defineProperty(event, "decryptionFailureReason", { value: code });
  return event;
}

function joined(at: number, before: string): MatrixEvent {
  return new MatrixEvent({
    type: "m.room.member",
    state_key: "@me:x",
    content: { membership: "join" },
    unsigned: { prev_content: { membership: before } },
    origin_server_ts: at,
  });
}

test("while it is tried, there is no reason yet", () => {
  expect(unreadable(failed(null), undefined)).toBe(null);
});

test("each failure has its reason, an unknown one its own", () => {
  expect(unreadable(failed(DecryptionFailureCode.MEGOLM_UNKNOWN_INBOUND_SESSION_ID), undefined)).toBe("waiting");
  expect(unreadable(failed(DecryptionFailureCode.HISTORICAL_MESSAGE_BACKUP_UNCONFIGURED), undefined)).toBe("old-locked");
  expect(unreadable(failed(DecryptionFailureCode.MEGOLM_KEY_WITHHELD), undefined)).toBe("withheld");
  expect(unreadable(failed(DecryptionFailureCode.UNKNOWN_ERROR), undefined)).toBe("broken");
});

test("what is older than one's joining was never meant for one; a change of name tells nothing", () => {
  const code = DecryptionFailureCode.MEGOLM_UNKNOWN_INBOUND_SESSION_ID;
  expect(unreadable(failed(code), joined(100, "invite"))).toBe("not-joined");
  expect(unreadable(failed(code), joined(20, "invite"))).toBe("waiting");
  expect(unreadable(failed(code), joined(100, "join"))).toBe("waiting");
  expect(unreadable(failed(DecryptionFailureCode.MEGOLM_KEY_WITHHELD), joined(100, "invite"))).toBe("withheld");
});
