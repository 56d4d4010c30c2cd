"""Tables of what nobody should send: JSON values, bodies, parts of paths, values of queries."""

from base64 import urlsafe_b64encode
from typing import Any


def nested(levels: int, left: bytes = b"[", right: bytes = b"]", core: bytes = b"") -> bytes:
    return left * levels + core + right * levels


LONG = b"x" * 70_000
FOREIGN = ("@eve:elsewhere.example", "!room:elsewhere.example", "#all:elsewhere.example",
           "$event:elsewhere.example", "mxc://elsewhere.example/abc")  # fmt: skip

# JSON texts for one field, whatever it should be.
VALUES: tuple[bytes, ...] = (
    b"null", b"true", b"0", b"-1", b"1.5", b"-0.0", b"1e308", b"1e999", b"9007199254740993",
    b"9223372036854775808", b"-9223372036854775809", b"9" * 30, b"9" * 5000,
    b'""', b'" "', b'"x"', b'"\\u0000"', b'"a\\u0000b"', b'"\\ud800"', b'"\\udc00\\ud800"',
    b'"\xff"', b'"\xed\xa0\x80"', b'"\xf0\x9f\x94\xa5"', b'"' + LONG + b'"', b'"%2F%00"',
    b'"\\u202e@a:b"', b'"@:"', b'"@a:b:c"', b'"!"', b'"$"', b'"#"', b'"mxc://"', b'"mxc:///"',
    b'"1"', b'"-1"', b'"..\\/..\\/x"', b'"\\n"', b"'; DROP TABLE entry; --\"", b'"{}"',
    *(b'"%s"' % name.encode() for name in FOREIGN),
    b"[]", b"{}", b"[null]", b"[[]]", b"[1]", b'["x"]', b'["\\u0000"]', b'["\\ud800"]',
    b'{"":""}', b'{"\\u0000":1}', b'{"\\ud800":1}', b'{"a":{"b":null}}', b'{"a":1,"a":2}',
    b'{"@bob:x.y":1}', b'{"n":1.5}', b'{"n":1e999}', b'{"n":' + b"9" * 30 + b"}",
    b"[" + b"1," * 5000 + b"1]", b"{" + b",".join(b'"%d":1' % n for n in range(3000)) + b"}",
    nested(1000), nested(1000, b'{"a":', b"}", b"1"), nested(100_000), b"[" * 100_000,
    nested(20_000, b'{"a":', b"}", b"1"), b"NaN", b"-Infinity", b"01", b"",
)  # fmt: skip

# Whole bodies.
BODIES: tuple[bytes, ...] = (
    b"", b" ", b"{", b"}", b"[]", b"null", b"3", b'"x"', b"true", b"\xff", b"\x00", b"{}",
    b'{"a":"\xff"}', b'{"a":"\\ud800"}', b'{"\\ud800":1}', b"{'a':1}", b"{} {}", b'{"a":1,}',
    b"\xef\xbb\xbf{}", '{"a":1}'.encode("utf-16"), b"a=1&b=2", b"<x/>", b"\x1f\x8b\x08\x00",
    nested(1000), nested(1000, b'{"a":', b"}", b"1"), nested(100_000), b"[" * 100_000,
    nested(100_000, b'{"a":', b"}", b"1"), b'{"a":"' + LONG + b'"}', b" " * 100_000,
    b'{"a":"' + b"x" * 2_000_000 + b'"}',
)  # fmt: skip

# Percent-encoded parts of a path. A lone "." or ".." is a name like any other.
SEGMENTS: tuple[str, ...] = (
    "", "%00", "a%00b", "%FF", "%C3%28", "%ED%A0%80", "%2F", "%2F..%2F", "..", ".", "%", "%zz",
    "%20", "%0A", "%0D%0AX-Evil:%201", "x" * 300, "x" * 1500, "x" * 20_000, "%EA%B0%80" * 100,
    "한", "null", "0", "-1", "9" * 30, "@", "@:", "!", "$", "%23", "*", "{}", "%7B%22a%22%3A1%7D",
    "'", "%22", "%5C", ";", "%3Cscript%3E", "m.room.create", "m.room.member", "m.read", "global",
    *(name.replace("#", "%23").replace("/", "%2F") for name in FOREIGN),
)  # fmt: skip

# Values of query parameters, percent-encoded.
QUERIES: tuple[str, ...] = (
    *SEGMENTS[1:], "", "-9" + "9" * 30, "1.5", "1e9", "0x10", "１", "²", "true", "TRUE", "b", "f",
    "s1_2_3", "s-1", "t0", "t9" + "9" * 40, "%5B%5D", "%5B" * 5000, "%7B", "%22x%22",
    "%7B%22limit%22%3A-1%7D", "%7B%22types%22%3A%22x%22%7D", "%7B%22types%22%3A%5B1%5D%7D",
    "%7B%22limit%22%3A1e99%7D", "x&x=y", "&" * 200, "=" * 50, "x%26y", "+",
    *(urlsafe_b64encode(token).decode().rstrip("=") for token in (
        b"[]", b"{}", b"1", b"null", b'[false,"x",null]', b'[true,1e30,"\\u0000"]', b"[1,2,3]",
        b'[false,-9999999999999999999,"!x"]', b"\x00" * 40, b"\xff" * 9, nested(2000),
    )),
)  # fmt: skip

TOKENS: tuple[str, ...] = ("x", "", "\t", "x" * 10_000, "%00", "a b", "é", "Bearer x", "sync_x_y")

# Contents of events that the server reads itself: each of their fields will be everything.
EVENTS: dict[str, Any] = {
    "m.room.message": {
        "body": "x", "msgtype": "m.text", "m.new_content": {"body": "y", "msgtype": "m.text"},
        "m.mentions": {"user_ids": ["@a:b"], "room": True},
        "m.relates_to": {"rel_type": "m.thread", "event_id": "$x", "key": "k",
                         "m.in_reply_to": {"event_id": "$x"}, "is_falling_back": True},
    },
    "m.reaction": {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$x", "key": "k"}},
    "m.room.redaction": {"redacts": "$x", "reason": "r"},
    "m.room.encrypted": {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x"},
}  # fmt: skip
STATE: dict[str, Any] = {
    "m.room.name": {"name": "x"},
    "m.room.topic": {"topic": "x", "m.topic": {"m.text": [{"body": "x", "mimetype": "x/y"}]}},
    "m.room.avatar": {"url": "mxc://x.y/z", "info": {"w": 1, "h": 1, "size": 1}},
    "m.room.canonical_alias": {"alias": "#a:b", "alt_aliases": ["#a:b"]},
    "m.room.join_rules": {"join_rule": "restricted",
                          "allow": [{"type": "m.room_membership", "room_id": "!x:y"}]},
    "m.room.power_levels": {
        "ban": 50, "kick": 50, "invite": 0, "redact": 50, "users": {"@a:b": 1}, "users_default": 0,
        "events": {"m.room.name": 50}, "events_default": 0, "state_default": 50,
        "notifications": {"room": 50},
    },
    "m.room.member": {
        "membership": "join", "displayname": "x", "avatar_url": "mxc://x.y/z", "reason": "r",
        "is_direct": True, "join_authorised_via_users_server": "@a:b",
        "third_party_invite": {"display_name": "x", "signed": {
            "mxid": "@a:b", "token": "t", "signatures": {"x.y": {"ed25519:0": "s"}}}},
    },
    "m.room.create": {"room_version": "12", "type": "m.space", "m.federate": True,
                      "additional_creators": ["@a:b"],
                      "predecessor": {"room_id": "!x:y", "event_id": "$x"}},
    "m.room.history_visibility": {"history_visibility": "shared"},
    "m.room.guest_access": {"guest_access": "can_join"},
    "m.room.encryption": {"algorithm": "m.megolm.v1.aes-sha2", "rotation_period_ms": 1},
    "m.room.pinned_events": {"pinned": ["$x"]},
    "m.room.server_acl": {"allow": ["*"], "deny": ["x"], "allow_ip_literals": False},
    "m.room.tombstone": {"body": "x", "replacement_room": "!x:y"},
    "m.room.third_party_invite": {"display_name": "x", "key_validity_url": "x", "public_key": "x",
                                  "public_keys": [{"public_key": "x", "key_validity_url": "x"}]},
    "m.space.child": {"via": ["x.y"], "order": "a", "suggested": True},
    "m.space.parent": {"via": ["x.y"], "canonical": True},
}  # fmt: skip
ACCOUNT_DATA: dict[str, Any] = {
    "m.direct": {"@a:b": ["!x:y"]},
    "m.ignored_user_list": {"ignored_users": {"@a:b": {}}},
    "m.invite_permission_config": {"default_action": "allow"},
    "m.tag": {"tags": {"u.x": {"order": 0.5}}},
    "m.fully_read": {"event_id": "$x"},
    "m.push_rules": {"global": {"override": []}},
    "m.marked_unread": {"unread": True},
}  # fmt: skip
# Bodies that are taken as they are, where one made from the schema alone would not be.
EXAMPLES: dict[str, Any] = {
    "POST v3/createRoom": {
        "preset": "public_chat", "name": "x", "topic": "x", "room_version": "12",
        "visibility": "public", "is_direct": True, "invite": [], "invite_3pid": [],
        "creation_content": {"type": "m.space", "m.federate": True, "additional_creators": []},
        "initial_state": [{"type": "m.room.name", "state_key": "", "content": {"name": "x"}}],
        "power_level_content_override": STATE["m.room.power_levels"],
    },
    "POST unstable/org.matrix.simplified_msc3575/sync": {
        "conn_id": "x", "txn_id": "x",
        "lists": {"x": {"ranges": [[0, 9]], "timeline_limit": 1, "required_state": [["*", "x"]],
                        "slow_get_all_rooms": True,
                        "filters": {"is_dm": True, "spaces": ["x"], "is_encrypted": True,
                                    "is_invite": True, "room_types": ["x"],
                                    "not_room_types": ["x"], "room_name_like": "x",
                                    "tags": ["x"], "not_tags": ["x"]}}},
        "room_subscriptions": {"x": {"timeline_limit": 1, "required_state": [["x", "$ME"]]}},
        "extensions": {"to_device": {"enabled": True, "limit": 1, "since": "x_1"},
                       "e2ee": {"enabled": True},
                       "io.element.msc4308.thread_subscriptions": {"enabled": True, "limit": 1},
                       "account_data": {"enabled": True, "lists": ["x"], "rooms": ["x"]},
                       "receipts": {"enabled": True, "lists": ["x"], "rooms": ["x"]},
                       "typing": {"enabled": True, "lists": ["x"], "rooms": ["x"]}},
    },
    "PUT unstable/io.element.msc4306/rooms/{}/thread/{}/subscription": {"automatic": "$x"},
    "PUT v3/profile/{}/{}": {"displayname": "x", "avatar_url": "mxc://x.y/z", "org.x": "x"},
    "POST v3/search": {"search_categories": {"room_events": {
        "search_term": "x", "keys": ["content.body"], "order_by": "recent", "include_state": True,
        "filter": {"rooms": ["x"], "senders": ["x"], "types": ["*"], "limit": 1},
        "event_context": {"before_limit": 1, "after_limit": 1, "include_profile": True},
        "groupings": {"group_by": [{"key": "room_id"}]}}}},
    "POST v3/pushers/set": {
        "pushkey": "x", "kind": "http", "app_id": "x", "app_display_name": "x", "lang": "x",
        "device_display_name": "x", "profile_tag": "x", "append": True,
        "data": {"url": "https://x.y/_matrix/push/v1/notify", "format": "event_id_only"},
    },
    "PUT v3/pushrules/global/{}/{}": {
        "conditions": [{"kind": "event_match", "key": "type", "pattern": "x"},
                       {"kind": "room_member_count", "is": ">2"},
                       {"kind": "event_property_is", "key": "content.x", "value": 1}],
        "actions": ["notify", {"set_tweak": "sound", "value": "x"}],
    },
    "PUT v3/pushrules/global/{}/{}/actions": {"actions": ["notify", {"set_tweak": "highlight"}]},
    "POST v3/register": {
        "auth": {"type": "m.login.dummy"}, "password": "x", "device_id": "x",
        "initial_device_display_name": "x", "inhibit_login": False, "refresh_token": True,
    },
    "POST v3/login": {
        "type": "m.login.password", "identifier": {"type": "m.id.user", "user": "x"},
        "password": "x", "device_id": "x", "initial_device_display_name": "x", "user": "x",
        "refresh_token": True, "token": "x",
    },
    "POST v3/rooms/{}/upgrade": {"new_version": "11", "additional_creators": []},
    "PUT v3/directory/room/{}": {"room_id": "x"},
    "PUT v3/directory/list/room/{}": {"visibility": "public"},
    "POST v3/publicRooms": {"limit": 1, "since": "x", "filter": {
        "generic_search_term": "x", "room_types": [None, "m.space"]}},
}  # fmt: skip
# For an endpoint whose body no file describes.
ANY_BODY: dict[str, Any] = {
    "user_id": "@a:b", "room_id": "!x:y", "event_id": "$x", "reason": "r", "type": "x", "limit": 1,
    "visibility": "public", "pattern": "x", "actions": ["notify"], "conditions": [{"kind": "x"}],
    "enabled": True, "search_term": "x", "typing": True, "timeout": 1, "presence": "online",
    "status_msg": "x", "displayname": "x", "messages": {"@a:b": {"*": {"x": 1}}}, "thread_id": "x",
    "room": {"timeline": {"limit": 1, "types": ["x"]}}, "filter": {"generic_search_term": "x"},
    "auth": {"type": "m.login.password", "session": "x", "identifier": {"user": "x"}}, "score": 1,
    "new_version": "12", "m.read": "$x", "m.fully_read": "$x", "order": 0.5, "new_password": "x",
}  # fmt: skip
