"""The statements of `search_store`. Arrays travel column by column; `unnest` makes rows of them."""

# -- the index's follower --------------------------------------------------------------------------

PROGRESS = "SELECT position, segments FROM search_progress WHERE partition = $1"

ENTRIES = """
SELECT position, kind, key, event_id, body, facts FROM entry
WHERE partition = $1 AND position > $2 AND position <= $3 ORDER BY position LIMIT $4
"""

# Targets of edits and redactions, and the documents that have the text of a target.
TOUCHED = """
WITH target AS (SELECT position FROM entry WHERE event_id = ANY($2) AND partition = $1)
SELECT key, position, event_id, body, facts FROM entry
WHERE partition = $1 AND event_id IS NOT NULL AND position IN (
    SELECT position FROM target UNION ALL
    SELECT document.position FROM search_document AS document
    WHERE document.partition = $1 AND edit_position IN (SELECT position FROM target)
)
"""

# What is redacted relates to nothing any more.
EDITS = """
SELECT original.event_id AS parent_id, edit.*
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
     AS original(room_id, event_id, sender, type)
CROSS JOIN LATERAL (
    SELECT event_id FROM relation
    WHERE room_id = original.room_id AND parent_id = original.event_id
      AND rel_type = 'm.replace' AND sender = original.sender AND relation.type = original.type
    ORDER BY position DESC LIMIT 1
) AS latest
JOIN LATERAL (
    SELECT key, position, event_id, body, facts FROM entry WHERE event_id = latest.event_id
) AS edit ON true
"""

SEGMENTS_OF = """
SELECT position, segment FROM search_document WHERE partition = $1 AND position = ANY($2)
"""

LAST_SEGMENTS = """
SELECT DISTINCT ON (room_id) room_id, segment, documents, oldest_ts, newest_ts
FROM search_segment WHERE room_id = ANY($1) ORDER BY room_id, segment DESC
"""

# The index is made from the log: what a crash takes of it is made again.
DO_NOT_WAIT = "SET LOCAL synchronous_commit = off"

MOVE = """
UPDATE search_progress SET position = $3, segments = $4
WHERE partition = $1 AND position = $2 RETURNING position
"""

REMOVE = "DELETE FROM search_document WHERE partition = $1 AND position = ANY($2)"

PUT = """
INSERT INTO search_document (partition, position, segment, kind, ts, edit_position, terms)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (partition, position) DO UPDATE SET edit_position = excluded.edit_position,
    terms = excluded.terms
"""

PUT_SEGMENT = """
INSERT INTO search_segment (room_id, segment, documents, oldest_ts, newest_ts)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (room_id, segment) DO UPDATE SET documents = excluded.documents,
    oldest_ts = excluded.oldest_ts, newest_ts = excluded.newest_ts
"""

# -- searches --------------------------------------------------------------------------------------

IGNORED = """
SELECT content FROM account_data
WHERE user_id = $1 AND room_id = '' AND type = 'm.ignored_user_list'
"""

# Every room that one had a part in, but for encrypted ones, and the changes of its visibility, of
# which the latest $3 are read.
PARTS = """
SELECT own.room_id, own.positions, own.memberships, forgotten.leave_position AS forgotten,
       change.positions AS change_positions, change.facts AS change_facts
FROM (
    SELECT room_id, array_agg(position ORDER BY position) AS positions,
           array_agg(membership ORDER BY position) AS memberships
    FROM membership WHERE user_id = $1 AND ($2::text[] IS NULL OR room_id = ANY($2))
    GROUP BY room_id
) AS own
LEFT JOIN forgotten ON forgotten.user_id = $1 AND forgotten.room_id = own.room_id
CROSS JOIN LATERAL (
    SELECT array_agg(entry.position ORDER BY entry.position) AS positions,
           array_agg(entry.facts ORDER BY entry.position) AS facts
    FROM (
        SELECT event_id FROM state
        WHERE room_id = own.room_id AND type = 'm.room.history_visibility' AND state_key = ''
        ORDER BY position DESC LIMIT $3
    ) AS latest JOIN entry USING (event_id)
) AS change
WHERE NOT EXISTS (
    SELECT FROM state WHERE state.room_id = own.room_id
      AND state.type = 'm.room.encryption' AND state.state_key = ''
)
"""

SEGMENTS = """
SELECT room_id, segment, documents, oldest_ts, newest_ts FROM search_segment
WHERE room_id = ANY($1) ORDER BY newest_ts DESC LIMIT $2
"""

# One look into the index for each segment. $1: its keys, all of which a hit has. $2: the positions
# that the reader may see, of an edit too. $3: keys of senders, of which a hit has one. Each is a
# text, with a space between two segments: thousands of arrays travel best as that. OFFSET 0 has
# terms counted where a document is read: their array is not dragged through counting and sorting.
FIND = """
SELECT hit.*, count(*) OVER () AS total
FROM unnest(
    string_to_array($1, ' '), string_to_array($2, ' ')::int8multirange[], string_to_array($3, ' ')
) AS span(keys, visible, senders)
CROSS JOIN LATERAL (
    SELECT ts, partition, position, cardinality(terms) - 1 AS terms FROM search_document
    WHERE search_document.terms @> span.keys::bigint[] AND kind = ANY($4::smallint[])
      AND position <@ span.visible
      AND (edit_position IS NULL OR edit_position <@ span.visible)
      AND (span.senders IS NULL OR search_document.terms && span.senders::bigint[])
      AND ($5::bigint IS NULL OR (ts, partition, position) < ($5, $6::smallint, $7::bigint))
    OFFSET 0
) AS hit
ORDER BY ts DESC, partition DESC, position DESC LIMIT $8
"""

SOUGHT = """
SELECT event.key, event.position, event.event_id, event.body, event.facts,
       edit.position AS edit_position, edit.event_id AS edit_id, edit.body AS edit_body,
       edit.facts AS edit_facts
FROM unnest($1::smallint[], $2::bigint[]) AS place(partition, position)
JOIN search_document AS document USING (partition, position)
JOIN entry AS event USING (partition, position)
LEFT JOIN entry AS edit ON edit.partition = document.partition
                       AND edit.position = document.edit_position
"""
