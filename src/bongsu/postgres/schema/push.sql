-- Pushers: where a person's notices are to be sent. Push rules are account data and live in the log.

CREATE TABLE pusher (
    user_id             text COLLATE "C" NOT NULL, -- whose notices
    app_id              text COLLATE "C" NOT NULL, -- reverse DNS name of the application
    pushkey             text COLLATE "C" NOT NULL, -- address of the notices at their gateway
    device_id           text COLLATE "C" NOT NULL, -- that made it; the pusher goes when it logs out
    kind                text COLLATE "C" NOT NULL, -- http or email
    app_display_name    text COLLATE "C" NOT NULL, -- what people may call the application
    device_display_name text COLLATE "C" NOT NULL, -- what people may call the device
    lang                text COLLATE "C" NOT NULL, -- preferred language, such as en-US
    profile_tag         text COLLATE "C",          -- set of device-specific rules; null: none given
    data                bytea NOT NULL,            -- JSON object for the gateway, with its "url"
    updated_ts          bigint NOT NULL DEFAULT 0, -- when it was made or last changed, ms; 0: long ago
    PRIMARY KEY (user_id, app_id, pushkey)
);
-- An app id and pushkey belong to one person, unless clients say otherwise ("append").
CREATE INDEX pusher_pushkey ON pusher (pushkey, app_id);
CREATE INDEX pusher_updated_ts ON pusher (updated_ts); -- what is new since the last look

-- How far the events of a partition were delivered, or are in push_pending. Only ever grows.
CREATE TABLE push_cursor (
    partition smallint PRIMARY KEY,        -- of the rooms
    position bigint NOT NULL               -- through which everything was dealt with
);

-- What a gateway did not take and is tried again; of each pusher only the latest are kept.
CREATE TABLE push_pending (
    user_id text COLLATE "C" NOT NULL,     -- whose pusher, which may be gone
    app_id text COLLATE "C" NOT NULL,      -- of the pusher
    pushkey text COLLATE "C" NOT NULL,     -- of the pusher
    partition smallint NOT NULL,           -- of the event's room
    position bigint NOT NULL,              -- of the event
    ts bigint NOT NULL,                    -- of the event, ms: it is given up when it is too old
    actions bytea NOT NULL,                -- JSON list: those of the rule that matched
    PRIMARY KEY (user_id, app_id, pushkey, partition, position)
);
CREATE INDEX push_pending_partition ON push_pending (partition);
