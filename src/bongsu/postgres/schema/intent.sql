-- Work over several rooms or users that is to be carried out to its end (log.intents).

CREATE TABLE intent (
    key text COLLATE "C" NOT NULL,         -- the user or room whose intent it is
    intent_id bytea NOT NULL,              -- random; request ids of the steps derive from it
    kind text COLLATE "C" NOT NULL,        -- who knows what to do: departure, upgrade, ...
    body bytea NOT NULL,                   -- JSON of the kind's own
    due bigint NOT NULL,                   -- ms; when the lease ends and anybody may take it up
    PRIMARY KEY (key, intent_id)
);
CREATE INDEX intent_due ON intent (due);
CREATE UNIQUE INDEX intent_by_id ON intent (intent_id);
