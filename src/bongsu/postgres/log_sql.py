"""Every statement of the pen. Arrays travel column by column; `unnest` makes rows of them."""

from typing import Any

from bongsu.log.batch import (
    AccountDataRow,
    DeviceListRow,
    ForgottenRow,
    MembershipRow,
    MentionRow,
    ProfileRow,
    ReceiptRow,
    RelationRow,
    Rewrite,
    RoomRow,
    SignedUserRow,
    StateRow,
    ToDeviceRow,
    Unmention,
    Unrelate,
)

LOCK = """
SELECT partition FROM unnest($2::int[]) AS partition WHERE pg_try_advisory_lock($1, partition)
"""

UNLOCK = """
SELECT pg_advisory_unlock($1, partition) FROM unnest($2::int[]) AS partition
"""

# Who holds the locks of these partitions: a contender ends a silent holder's session, but not that
# of one who is only unheard of: a living holder has his heartbeat answered twice a second.
TERMINATE_HOLDERS = """
SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE state_change < clock_timestamp() - interval '2 seconds'
  AND locktype = 'advisory' AND granted AND classid = $1::bigint::oid AND objid = ANY($2::oid[])
  AND database = datid AND datname = current_database()
"""

BUMP = """
UPDATE partition SET epoch = epoch + 1, owner = $2 WHERE partition = ANY($1::smallint[])
RETURNING partition, epoch
"""

HEADS = """
SELECT partition, epoch, head FROM partition WHERE partition = ANY($1::smallint[])
"""

DURABLE_HEADS = """
SELECT partition, epoch, durable_through FROM partition ORDER BY partition
"""

# $1-$3: partition, epoch, head of those whose head is to be recorded as durable; $4-$5: partition
# and epoch of all. How many of each still stand.
CONFIRM = """
WITH marked AS (
    UPDATE partition SET durable_through = mine.head
    FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS mine(partition, epoch, head)
    WHERE partition.partition = mine.partition AND partition.epoch = mine.epoch
      AND partition.head = mine.head
    RETURNING 1
)
SELECT (SELECT count(*) FROM marked) AS marked, count(*) AS standing FROM partition
JOIN unnest($4::smallint[], $5::bigint[]) AS mine(partition, epoch) USING (partition, epoch)
"""

LOOKUP = """
SELECT request_id, partition, position, key, event_id FROM entry
WHERE request_id = ANY($1::bytea[])
"""

# $1-$4: partition, epoch, old head, new head of each partition in the batch; $5-: the entries.
# All heads move or none: a head that moved without its entries would be a gap for ever. Each old
# head was acknowledged, so it is recorded as durable.
APPEND = """
WITH mine AS (
    SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::bigint[])
         AS mine(partition, epoch, old, new)
), standing AS (
    SELECT 1 FROM partition JOIN mine USING (partition, epoch) WHERE head = old
    FOR UPDATE OF partition
), fence AS (
    UPDATE partition SET head = mine.new, durable_through = mine.old FROM mine
    WHERE partition.partition = mine.partition AND partition.epoch = mine.epoch
      AND partition.head = mine.old AND (SELECT count(*) FROM standing) = cardinality($1)
    RETURNING 1
), written AS (
    INSERT INTO entry (partition, position, kind, key, event_id, request_id, body, facts)
    SELECT * FROM unnest($5::smallint[], $6::bigint[], $7::smallint[], $8::text[], $9::text[],
                         $10::bytea[], $11::bytea[], $12::bytea[])
    WHERE (SELECT count(*) FROM fence) = cardinality($1)
    RETURNING 1
) SELECT count(*) FROM written
"""


def _insert(table: str, columns: str, types: str, conflict: str = "") -> str:
    arrays = ", ".join(f"${n}::{t}[]" for n, t in enumerate(types.split(), start=1))
    return f"INSERT INTO {table} ({columns}) SELECT * FROM unnest({arrays}) {conflict}"


WRITE_ROWS: dict[type[Any], str] = {
    StateRow: _insert(
        "state", "room_id, type, state_key, position, event_id", "text text text bigint text"
    ),
    MembershipRow: _insert(
        "membership",
        "user_id, room_id, position, membership, event_id, sender, stripped_state, notify_total,"
        " main_total",
        "text text bigint text text text bytea bigint bigint",
    ),
    RelationRow: _insert(
        "relation",
        "room_id, parent_id, position, event_id, rel_type, type, sender, key",
        "text text bigint text text text text text",
    ),
    MentionRow: _insert(
        "mention", "user_id, room_id, position, thread, silent", "text text bigint text boolean"
    ),
    RoomRow: _insert(
        "room",
        "room_id, version, creator, created_position, joined_count, invited_count, position",
        "text text text bigint bigint bigint bigint",
        "ON CONFLICT (room_id) DO UPDATE SET joined_count = excluded.joined_count,"
        " invited_count = excluded.invited_count, position = excluded.position",
    ),
    ReceiptRow: _insert(
        "receipt",
        "room_id, user_id, receipt_type, thread_id, position, event_position, body",
        "text text text text bigint bigint bytea",
        "ON CONFLICT (room_id, user_id, receipt_type, thread_id) DO UPDATE SET"
        " position = excluded.position, event_position = excluded.event_position,"
        " body = excluded.body",
    ),
    AccountDataRow: _insert(
        "account_data",
        "user_id, room_id, type, position, content",
        "text text text bigint bytea",
        "ON CONFLICT (user_id, room_id, type) DO UPDATE SET position = excluded.position,"
        " content = excluded.content",
    ),
    ProfileRow: _insert(
        "profile",
        "user_id, field, position, value",
        "text text bigint bytea",
        "ON CONFLICT (user_id, field) DO UPDATE SET position = excluded.position,"
        " value = excluded.value",
    ),
    DeviceListRow: _insert(
        "device_list",
        "user_id, partition, position",
        "text smallint bigint",
        "ON CONFLICT (user_id) DO UPDATE SET position = excluded.position",
    ),
    SignedUserRow: _insert(
        "signed_user",
        "user_id, signed, position",
        "text text bigint",
        "ON CONFLICT (user_id, signed) DO UPDATE SET position = excluded.position",
    ),
    ForgottenRow: _insert(
        "forgotten",
        "user_id, room_id, leave_position",
        "text text bigint",
        "ON CONFLICT (user_id, room_id) DO UPDATE SET leave_position = excluded.leave_position",
    ),
    # Only devices that are there: a message for one that was deleted would lie for ever.
    ToDeviceRow: """
INSERT INTO to_device (user_id, device_id, position, seq, body)
SELECT device.user_id, device.device_id, message.position, message.seq, message.body
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::integer[], $5::bytea[])
     AS message(user_id, device_id, position, seq, body)
JOIN device ON device.user_id = message.user_id
           AND (message.device_id = '*' OR device.device_id = message.device_id)
""",
    Unrelate: """
DELETE FROM relation
USING unnest($1::text[], $2::text[], $3::bigint[]) AS gone(room_id, parent_id, position)
WHERE relation.room_id = gone.room_id AND relation.parent_id = gone.parent_id
  AND relation.position = gone.position
""",
    Unmention: """
DELETE FROM mention
USING unnest($1::text[], $2::text[], $3::bigint[]) AS gone(user_id, room_id, position)
WHERE mention.user_id = gone.user_id AND mention.room_id = gone.room_id
  AND mention.position = gone.position
""",
    Rewrite: """
UPDATE entry SET body = mine.body, facts = mine.facts
FROM unnest($1::smallint[], $2::bigint[], $3::bytea[], $4::bytea[])
     AS mine(partition, position, body, facts)
WHERE entry.partition = mine.partition AND entry.position = mine.position
""",
}
