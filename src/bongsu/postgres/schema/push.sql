-- Pushers: where a person's notices are to be sent. Push rules are account data and live in the log.

CREATE TABLE pusher (
    user_id             text COLLATE "C" NOT NULL, -- whose notices
    app_id              text COLLATE "C" NOT NULL, -- reverse DNS name of the application
    pushkey             text COLLATE "C" NOT NULL, -- address of the notices at their gateway
    device_id           text COLLATE "C" NOT NULL, -- that made it; the pusher goes when it logs out
    kind                text COLLATE "C" NOT NULL, -- "http"
    app_display_name    text COLLATE "C" NOT NULL, -- what people may call the application
    device_display_name text COLLATE "C" NOT NULL, -- what people may call the device
    lang                text COLLATE "C" NOT NULL, -- preferred language, such as en-US
    profile_tag         text COLLATE "C",          -- set of device-specific rules; null: none given
    data                bytea NOT NULL,            -- JSON object for the gateway, with its "url"
    PRIMARY KEY (user_id, app_id, pushkey)
);
-- An app id and pushkey belong to one person, unless clients say otherwise ("append").
CREATE INDEX pusher_pushkey ON pusher (pushkey, app_id);
