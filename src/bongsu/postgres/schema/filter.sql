-- Sync filters that clients stored. The same filter stored again is the same row.

CREATE TABLE filter (
    user_id text COLLATE "C" NOT NULL,     -- whose
    filter_id text COLLATE "C" NOT NULL,   -- fingerprint of the definition
    definition bytea NOT NULL,             -- JSON as sync.filter reads it
    PRIMARY KEY (user_id, filter_id)
);
