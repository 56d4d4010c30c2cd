-- What people reported to the operators of this server, who read it here.

CREATE TABLE report (
    reporter text COLLATE "C" NOT NULL,    -- user id of who reported
    report_id text COLLATE "C" NOT NULL,   -- random
    reported_at bigint NOT NULL,           -- ms since the Unix epoch
    room_id text COLLATE "C",              -- the room reported, or of the event reported
    event_id text COLLATE "C",             -- the event reported; null: a room or a user
    target text COLLATE "C",               -- the user reported; null: a room or an event
    reason text COLLATE "C" NOT NULL,      -- in the reporter's words, may be empty
    PRIMARY KEY (reporter, report_id)
);
CREATE INDEX report_by_time ON report (reported_at);
