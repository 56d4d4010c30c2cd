-- What administrators do to rooms and media becomes rows.

CREATE TABLE room_block (
    room_id text COLLATE "C" PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL,
    blocked_ts bigint NOT NULL
);

CREATE TABLE room_purge (
    room_id text COLLATE "C" PRIMARY KEY,
    purged_ts bigint NOT NULL
);

CREATE TABLE room_deletion (
    room_id text COLLATE "C" NOT NULL,
    delete_id text COLLATE "C" NOT NULL,
    created_ts bigint NOT NULL,
    options bytea NOT NULL,
    status text COLLATE "C" NOT NULL,
    error text COLLATE "C",
    shutdown bytea NOT NULL,
    PRIMARY KEY (room_id, delete_id)
);
CREATE UNIQUE INDEX room_deletion_by_id ON room_deletion (delete_id);

ALTER TABLE media ADD COLUMN quarantined_by text COLLATE "C";
ALTER TABLE media ADD COLUMN protected boolean NOT NULL DEFAULT false;
CREATE INDEX media_uploader ON media (uploader, created_ts);

CREATE TABLE media_gone (
    sha256 bytea PRIMARY KEY,
    gone_ts bigint NOT NULL
);
