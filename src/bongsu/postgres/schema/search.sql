-- The search index, made from the log by its follower: all of it may be lost and made anew.
--
-- The texts of a room fall into segments of some hundred documents each. A document's terms are
-- stored with the number of its segment before them, so a look into the index finds the documents
-- of one room, of one stretch of time, that have all terms sought, and no others: what a search
-- costs is bounded by the segments it looks at, the newest first.

-- How far the log of each partition is indexed.
CREATE TABLE search_progress (
    partition smallint PRIMARY KEY,        -- 0..63
    position bigint NOT NULL DEFAULT 0,    -- of the last entry indexed; every batch compares it
    segments integer NOT NULL DEFAULT 0    -- segments made in the partition
);
INSERT INTO search_progress (partition) SELECT generate_series(0, 63);

CREATE TABLE search_segment (
    room_id text COLLATE "C" NOT NULL,     -- the room
    segment integer NOT NULL,              -- number within the room's partition, from 0
    documents integer NOT NULL,            -- put into it, those that went again included
    oldest_ts bigint NOT NULL,             -- least origin_server_ts of its documents
    newest_ts bigint NOT NULL,             -- greatest origin_server_ts of its documents
    PRIMARY KEY (room_id, segment)
);

CREATE TABLE search_document (
    partition smallint NOT NULL,           -- of the event's room
    position bigint NOT NULL,              -- of the event
    segment integer NOT NULL,              -- that it belongs to
    kind smallint NOT NULL,                -- search.documents.Kind: a message, a room's name or topic
    ts bigint NOT NULL,                    -- origin_server_ts
    edit_position bigint,                  -- of the edit whose text it has; null: the event's own
    terms bigint[] NOT NULL,               -- partition (6 bits), segment (25), hash of a term (32)
    PRIMARY KEY (partition, position)
);
-- Written through at once: every look would else read the whole list of what is pending.
CREATE INDEX search_document_terms ON search_document USING gin (terms) WITH (fastupdate = off);
CREATE INDEX search_document_edit ON search_document (partition, edit_position)
    WHERE edit_position IS NOT NULL;
-- Nearly every term is rare: statistics of them would cost much and say nothing.
ALTER TABLE search_document ALTER COLUMN terms SET STATISTICS 0;
