-- Pushes are delivered: how far each partition was, what waits for a gateway, how old a pushkey is.

ALTER TABLE pusher ADD COLUMN updated_ts bigint NOT NULL DEFAULT 0;
CREATE INDEX pusher_updated_ts ON pusher (updated_ts);

CREATE TABLE push_cursor (
    partition smallint PRIMARY KEY,
    position bigint NOT NULL
);

CREATE TABLE push_pending (
    user_id text COLLATE "C" NOT NULL,
    app_id text COLLATE "C" NOT NULL,
    pushkey text COLLATE "C" NOT NULL,
    partition smallint NOT NULL,
    position bigint NOT NULL,
    ts bigint NOT NULL,
    actions bytea NOT NULL,
    PRIMARY KEY (user_id, app_id, pushkey, partition, position)
);
CREATE INDEX push_pending_partition ON push_pending (partition);
