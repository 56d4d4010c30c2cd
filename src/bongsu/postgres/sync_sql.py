"""The statements of `sync_store`. Arrays travel column by column; `unnest` makes rows of them."""

MEMBERSHIPS = """
SELECT room_id, position, membership, sender, notify_total, main_total
FROM membership WHERE user_id = $1 ORDER BY room_id, position
"""

JOINED_ROOMS = """
SELECT room_id FROM (
    SELECT DISTINCT ON (room_id) room_id, membership FROM membership
    WHERE user_id = $1 ORDER BY room_id, position DESC
) AS latest WHERE membership = 'join'
"""

FORGOTTEN = "SELECT room_id, leave_position FROM forgotten WHERE user_id = $1"

# $3: only these global types, or null for everything.
ACCOUNT_DATA = """
SELECT room_id, type, position, content FROM account_data
WHERE user_id = $1 AND position > $2
  AND ($3::text[] IS NULL OR room_id = '' AND type = ANY($3))
  AND NOT starts_with(type, 'org.bongsu.thread_subscription.')
ORDER BY position
"""

ACCOUNT_DATA_POSITION = """
SELECT coalesce(max(position), 0) AS position FROM account_data WHERE user_id = $1
"""

STRIPPED_STATE = """
SELECT room_id, stripped_state FROM membership
JOIN unnest($2::text[], $3::bigint[]) AS wish(room_id, position) USING (room_id, position)
WHERE user_id = $1 AND stripped_state IS NOT NULL
"""

CHANGED_ROOMS = """
SELECT room_id FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS span(room_id, after, through)
WHERE EXISTS (
    SELECT FROM entry WHERE key = span.room_id AND event_id IS NOT NULL
      AND position > span.after AND position <= span.through
) OR EXISTS (
    SELECT FROM receipt WHERE receipt.room_id = span.room_id
      AND position > span.after AND position <= span.through
)
"""

_NEWEST_FIRST = """
SELECT event.key, event.position, event.event_id, event.body, event.facts
FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS span(room_id, after, through)
CROSS JOIN LATERAL (
    SELECT key, position, event_id, {body} AS body, facts FROM entry
    WHERE key = span.room_id AND event_id IS NOT NULL
      AND position > span.after AND position <= span.through
    ORDER BY position DESC LIMIT $4
) AS event
"""
# The newest first within a room.
TIMELINES = _NEWEST_FIRST.format(body="body")
FACTS = _NEWEST_FIRST.format(body="''::bytea")

_STATE_OF = """
    SELECT DISTINCT ON (type, state_key) position FROM state
    WHERE room_id = wish.room_id AND position > wish.after AND position <= wish.through {condition}
    ORDER BY type, state_key, position DESC
"""
_STATE_EVENTS = """
SELECT event.key, event.position, event.event_id, event.body, event.facts
FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS wish(room_id, after, through)
CROSS JOIN LATERAL ({latest}) AS latest
JOIN entry AS event ON event.key = wish.room_id AND event.position = latest.position
                   AND event.event_id IS NOT NULL
ORDER BY event.key, event.position
"""
STATE = _STATE_EVENTS.format(latest=_STATE_OF.format(condition=""))
# Two ranges of the index, around what may be a hundred thousand members.
STATE_WITHOUT_MEMBERS = _STATE_EVENTS.format(
    latest="({}) UNION ALL ({})".format(
        _STATE_OF.format(condition="AND type < 'm.room.member'"),
        _STATE_OF.format(condition="AND type > 'm.room.member'"),
    )
)

MEMBERS = """
SELECT event.key, event.position, event.event_id, event.body, event.facts
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
         AS wish(room_id, user_id, after, through)
CROSS JOIN LATERAL (
    SELECT position FROM state
    WHERE room_id = wish.room_id AND type = 'm.room.member' AND state_key = wish.user_id
      AND position > wish.after AND position <= wish.through
    ORDER BY position DESC LIMIT 1
) AS latest
JOIN entry AS event ON event.key = wish.room_id AND event.position = latest.position
                   AND event.event_id IS NOT NULL
"""

# $2: the vector, from partition 0 on.
EVENTS = """
SELECT key, position, event_id, body, facts FROM entry
WHERE event_id = ANY($1) AND position <= ($2::bigint[])[partition + 1]
"""

CHILDREN = """
SELECT parent_id, rel_type, type, sender, children, event_id, latest, children_ids
FROM (
    SELECT child.room_id, child.parent_id, child.rel_type, child.type, child.sender,
           count(*)::int AS children, max(child.position) AS latest,
           (array_agg(child.event_id ORDER BY child.position DESC))[1] AS event_id,
           CASE WHEN child.rel_type = 'm.reference'
                THEN (array_agg(child.event_id ORDER BY child.position))[1:100]
                ELSE '{}' END AS children_ids
    FROM unnest($1::text[], $2::text[]) AS parent(room_id, event_id)
    JOIN entry AS root ON root.event_id = parent.event_id AND root.key = parent.room_id
    JOIN relation AS child ON child.room_id = parent.room_id AND child.parent_id = parent.event_id
    WHERE child.rel_type IN ('m.thread', 'm.replace', 'm.reference')
      AND child.position <= ($3::bigint[])[root.partition + 1]
    GROUP BY 1, 2, 3, 4, 5
) AS family
ORDER BY latest
"""

RECEIPTS = """
SELECT receipt.room_id, receipt.position, receipt.body
FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS span(room_id, after, through)
CROSS JOIN LATERAL (
    SELECT room_id, position, body FROM receipt
    WHERE room_id = span.room_id AND position > span.after AND position <= span.through
      AND (receipt_type = 'm.read' OR user_id = $4)
    ORDER BY position DESC LIMIT $5
) AS receipt
"""

OWN_RECEIPTS = """
SELECT room_id, position, body FROM receipt
WHERE user_id = $1 AND room_id = ANY($2) AND receipt_type IN ('m.read', 'm.read.private')
"""

COUNTS = """
SELECT room_id, at, joined_count, invited_count, position
FROM room JOIN unnest($1::text[], $2::bigint[]) AS wish(room_id, at) USING (room_id)
"""

COUNTS_AFRESH = """
SELECT room_id, count(*) FILTER (WHERE membership = 'join') AS joined,
       count(*) FILTER (WHERE membership = 'invite') AS invited
FROM unnest($1::text[], $2::bigint[]) AS wish(room_id, at)
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (user_id) membership FROM membership
    WHERE membership.room_id = wish.room_id AND position <= wish.at
    ORDER BY user_id, position DESC
) AS latest
GROUP BY room_id
"""

# Of a large room only the first hundred by user id are looked at: it has a name anyway.
# Members by the age of their member events, until there are enough: the rows of the others are not
# looked at. That an event is somebody's latest is asked row by row, along an index.
_MEMBERS_BY_AGE = """
        SELECT user_id, position FROM membership AS each
        WHERE room_id = wish.room_id AND position <= wish.at AND membership {kind}
          AND position = (
              SELECT max(position) FROM membership AS own
              WHERE own.room_id = wish.room_id AND own.user_id = each.user_id
                AND own.position <= wish.at
          )
        ORDER BY position LIMIT $3
"""

HEROES = f"""
SELECT wish.room_id, hero.user_id
FROM unnest($1::text[], $2::bigint[]) AS wish(room_id, at)
CROSS JOIN LATERAL (
    WITH joined AS MATERIALIZED ({_MEMBERS_BY_AGE.format(kind="= 'join'")}),
    invited AS MATERIALIZED (
        SELECT * FROM ({_MEMBERS_BY_AGE.format(kind="= 'invite'")}) AS found
        WHERE (SELECT count(*) FROM joined) < $3
    ),
    departed AS MATERIALIZED (
        SELECT * FROM ({_MEMBERS_BY_AGE.format(kind="IN ('leave', 'ban')")}) AS found
        WHERE (SELECT count(*) FROM joined) + (SELECT count(*) FROM invited) <= 1
    )
    SELECT user_id, position, 1 AS rank FROM joined
    UNION ALL SELECT user_id, position, 2 FROM invited
    UNION ALL SELECT user_id, position, 3 FROM departed
    ORDER BY rank, position LIMIT $3
) AS hero
"""

MENTIONS = """
SELECT span.room_id, count(DISTINCT mention.position) AS mentions
FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS span(room_id, after, through)
JOIN mention ON mention.room_id = span.room_id AND mention.user_id IN ($1, '@room')
            AND mention.position > span.after AND mention.position <= span.through
GROUP BY span.room_id
"""

# For presence, which is not durable either: no position bounds it.
SHARING = """
SELECT DISTINCT user_id FROM (
    SELECT DISTINCT ON (user_id, room_id) user_id, room_id, membership FROM membership
    WHERE user_id = ANY($1) ORDER BY user_id, room_id, position DESC
) AS latest
WHERE membership = 'join' AND room_id = ANY($2)
"""
