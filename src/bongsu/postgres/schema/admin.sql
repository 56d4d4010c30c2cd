-- What administrators did to rooms. Times are milliseconds since the Unix epoch.

CREATE TABLE room_block (
    room_id    text COLLATE "C" PRIMARY KEY,       -- nobody may join it; perhaps it does not exist
    user_id    text COLLATE "C" NOT NULL,          -- the administrator who blocked it
    blocked_ts bigint NOT NULL                     -- since when
);

-- Rooms whose content was erased. Positions of the log are dense, so the husks of events stay.
CREATE TABLE room_purge (
    room_id    text COLLATE "C" PRIMARY KEY,       -- to everybody as if it had never been
    purged_ts  bigint NOT NULL                     -- since when
);

-- Deletions of rooms, for who asks what became of them; an intent sees each carried out.
CREATE TABLE room_deletion (
    room_id     text COLLATE "C" NOT NULL,         -- which room
    delete_id   text COLLATE "C" NOT NULL,         -- random, by which its status is asked for
    created_ts  bigint NOT NULL,                   -- when it was asked for
    options     bytea NOT NULL,                    -- JSON of rooms.deletion.DeleteOptions
    status      text COLLATE "C" NOT NULL,         -- scheduled, active, complete, failed
    error       text COLLATE "C",                  -- why it failed
    shutdown    bytea NOT NULL,                    -- JSON of rooms.deletion.Shutdown: what was done
    PRIMARY KEY (room_id, delete_id)
);
CREATE UNIQUE INDEX room_deletion_by_id ON room_deletion (delete_id);
