"""Scenes of end-to-end encryption: keys of devices and people, messages to devices, backups."""

from contract.steps import Step

SENT = {"messages": {"{bob}": {"*": {"hello": 1}}}}
DEVICE_KEYS = {
    "user_id": "{alice}", "device_id": "{device}",
    "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
    "keys": {"ed25519:{device}": "a", "curve25519:{device}": "b"},
    "signatures": {"{alice}": {"ed25519:{device}": "c"}},
}  # fmt: skip
ONE_TIME_KEY = {"key": "k", "signatures": {"{alice}": {"ed25519:{device}": "c"}}}
PUBLIC_KEY = "A" * 43
MASTER_KEY = {
    "user_id": "{alice}", "usage": ["master"], "keys": {f"ed25519:{PUBLIC_KEY}": PUBLIC_KEY},
}  # fmt: skip
BACKUP = {
    "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2",
    "auth_data": {"public_key": "p", "signatures": {}},
}
ROOM_KEY = {
    "first_message_index": 2, "forwarded_count": 0, "is_verified": False,
    "session_data": {"ephemeral": "e", "ciphertext": "c", "mac": "m"},
}  # fmt: skip
EARLIER = {**ROOM_KEY, "first_message_index": 1}
ROOM = "!room:x.y"
VERSION = "v3/room_keys/version"
KEYS = "v3/room_keys/keys"

SCENES = {
    "messages to devices": [
        Step("alice PUT v3/sendToDevice/org.example/{tag}", SENT),
        Step("alice PUT v3/sendToDevice/org.example/{tag}", SENT),
        Step("bob GET v3/sync", has=("to_device.events.0.content.hello",)),
        Step("alice PUT v3/sendToDevice/org.example/2", {"messages": {"x": {}}},
             "400 M_INVALID_PARAM"),
        Step("alice PUT v3/sendToDevice/org.example/3", {}, "400 M_BAD_JSON"),
    ],
    "keys of devices": [
        Step("alice GET v3/account/whoami", keeps={"device": "device_id"}),
        Step("alice GET v3/sync", keeps={"since": "next_batch"}),
        Step("alice POST v3/keys/upload", {
            "device_keys": DEVICE_KEYS,
            "one_time_keys": {"signed_curve25519:1": ONE_TIME_KEY},
            "fallback_keys": {"signed_curve25519:F": ONE_TIME_KEY},
        }, has=("one_time_key_counts.signed_curve25519=1",)),
        Step("alice POST v3/keys/upload", {
            "one_time_keys": {"signed_curve25519:1": {**ONE_TIME_KEY, "key": "other"}},
        }, "400 M_INVALID_PARAM"),
        Step("alice POST v3/keys/upload", {"device_keys": {**DEVICE_KEYS, "device_id": "X"}},
             "400 M_INVALID_PARAM"),
        Step("bob POST v3/keys/query", {"device_keys": {"{alice}": []}},
             has=("device_keys.{alice}.{device}.keys",)),
        Step("bob POST v3/keys/claim", {
            "one_time_keys": {"{alice}": {"{device}": "signed_curve25519"}}},
            has=("one_time_keys.{alice}.{device}.signed_curve25519:1",)),
        Step("bob POST v3/keys/claim", {
            "one_time_keys": {"{alice}": {"{device}": "signed_curve25519"}}},
            has=("one_time_keys.{alice}.{device}.signed_curve25519:F",)),
        Step("alice GET v3/sync?since={since}", has=(
            "device_one_time_keys_count.signed_curve25519=0", "device_lists.changed.0={alice}"),
            keeps={"now": "next_batch"}),
        Step("alice GET v3/keys/changes?from={since}&to={now}", has=("changed.0={alice}",)),
        Step("alice GET v3/keys/changes?from=x&to={now}", gives="400 M_INVALID_PARAM"),
    ],
    "keys of people": [
        Step("alice POST v3/keys/device_signing/upload", {"self_signing_key": MASTER_KEY},
             "400 M_INVALID_PARAM"),
        Step("alice POST v3/keys/device_signing/upload", {"master_key": MASTER_KEY}),
        Step("alice POST v3/keys/device_signing/upload", {"master_key": MASTER_KEY}),
        Step("bob POST v3/keys/query", {"device_keys": {"{alice}": []}},
             has=("master_keys.{alice}.usage.0=master",)),
        Step("alice POST v3/keys/signatures/upload", {"{alice}": {PUBLIC_KEY: {
            **MASTER_KEY, "signatures": {"{alice}": {"ed25519:X": "forged"}}}}},
            has=(f"failures.{{alice}}.{PUBLIC_KEY}.errcode=M_INVALID_SIGNATURE",)),
    ],
    "backups of room keys": [
        Step(f"alice GET {VERSION}", gives="404 M_NOT_FOUND"),
        Step(f"alice PUT {KEYS}?version=1", {"rooms": {}}, "404 M_NOT_FOUND"),
        Step(f"alice POST {VERSION}", BACKUP, keeps={"old": "version"}),
        Step(f"alice POST {VERSION}", BACKUP, keeps={"version": "version"}),
        Step(f"alice GET {VERSION}", has=("version={version}", "count=0", "etag")),
        Step(f"alice GET {VERSION}/{{old}}", has=("version={old}",)),
        Step(f"alice PUT {VERSION}/{{version}}", {**BACKUP, "version": "{version}"}),
        Step(f"alice PUT {VERSION}/{{version}}", {**BACKUP, "algorithm": "x"},
             "400 M_INVALID_PARAM"),
        Step(f"alice PUT {KEYS}?version={{version}}",
             {"rooms": {ROOM: {"sessions": {"s": ROOM_KEY}}}}, has=("count=1", "etag=1")),
        Step(f"alice PUT {KEYS}?version={{old}}", {"rooms": {}}, "403 M_WRONG_ROOM_KEYS_VERSION",
             has=("current_version={version}",)),
        Step(f"alice PUT {KEYS}/{ROOM}?version={{version}}", {"sessions": {"t": ROOM_KEY}},
             has=("count=2", "etag=2")),
        Step(f"alice PUT {KEYS}/{ROOM}/s?version={{version}}", ROOM_KEY, has=("etag=2",)),
        Step(f"alice PUT {KEYS}/{ROOM}/s?version={{version}}", EARLIER, has=("etag=3",)),
        Step(f"alice GET {KEYS}/{ROOM}/s?version={{version}}", has=("first_message_index=1",)),
        Step(f"alice GET {KEYS}/{ROOM}?version={{version}}", has=("sessions.t",)),
        Step(f"alice GET {KEYS}?version={{version}}", has=(f"rooms.{ROOM}.sessions.s",)),
        Step(f"alice DELETE {KEYS}/{ROOM}/s?version={{version}}", has=("count=1",)),
        Step(f"alice GET {KEYS}/{ROOM}/s?version={{version}}", gives="404 M_NOT_FOUND"),
        Step(f"alice DELETE {KEYS}/{ROOM}?version={{version}}", has=("count=0",)),
        Step(f"alice DELETE {KEYS}?version={{version}}", has=("count=0",)),
        Step(f"alice DELETE {VERSION}/{{version}}"),
        Step(f"alice GET {VERSION}/{{version}}", gives="404 M_NOT_FOUND"),
        Step(f"alice GET {VERSION}", has=("version={old}",)),
    ],
}  # fmt: skip
