-- Notices: services and their health, incidents and their updates, subscribers and deliveries.
-- Texts in several languages are JSON objects by language, as text: nobody searches in them.

-- Raised by every change that the public pages show, so that each desk sees at a glance whether to
-- read anew.
CREATE TABLE notice_board (
    only_row boolean PRIMARY KEY CHECK (only_row), -- there is one board
    version  bigint NOT NULL                  -- grows with every change
);
INSERT INTO notice_board VALUES (true, 1);

CREATE TABLE notice_service (
    service_id text COLLATE "C" PRIMARY KEY,  -- chosen by a publisher, such as messages
    names      text COLLATE "C" NOT NULL,     -- by language
    place      integer NOT NULL,              -- order on the page
    retired_ts bigint                         -- from when on it is not shown any more
);

CREATE TABLE notice_component (
    service_id   text COLLATE "C" NOT NULL REFERENCES notice_service, -- the service …
    site         text COLLATE "C" NOT NULL,   -- … at this site
    probe_url    text COLLATE "C" NOT NULL,   -- what is asked for its health; '' for nothing
    probed       text COLLATE "C" NOT NULL,   -- words.Health, by the latest probe
    probed_ts    bigint,                      -- when that was; NULL before the first
    by_hand      text COLLATE "C",            -- words.Health, as an operator said; it goes before
    by_hand_note text COLLATE "C" NOT NULL,   -- why, by language
    by_hand_ts   bigint,                      -- when it was said
    PRIMARY KEY (service_id, site)
);

-- What uptime is reckoned from. A row says how a component was from then on.
CREATE TABLE notice_change (
    change_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- in order of recording
    service_id text COLLATE "C" NOT NULL,     -- the component's service
    site       text COLLATE "C" NOT NULL,     -- and site
    ts         bigint NOT NULL,               -- from when on
    health     text COLLATE "C" NOT NULL,     -- words.Health
    source     text COLLATE "C" NOT NULL      -- probe, hand, or gap: nobody looked
);
CREATE INDEX notice_change_ts ON notice_change (ts);

CREATE TABLE notice_incident (
    incident_id text COLLATE "C" PRIMARY KEY, -- random, stands in the page's address
    kind        text COLLATE "C" NOT NULL,    -- words.Kind
    impact      text COLLATE "C" NOT NULL,    -- words.Health of its services while it lasts
    titles      text COLLATE "C" NOT NULL,    -- by language
    services    text[] COLLATE "C" NOT NULL,  -- ids of the services it concerns
    started_ts  bigint NOT NULL,              -- when it began, or is to begin
    ends_ts     bigint,                       -- when it ended, or is to end
    phase       text COLLATE "C" NOT NULL,    -- words.Phase of the latest update
    post_key    text COLLATE "C" NOT NULL UNIQUE -- of the form that made it
);
CREATE INDEX notice_incident_started ON notice_incident (started_ts);

CREATE TABLE notice_update (
    update_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- in order of publishing
    incident_id text COLLATE "C" NOT NULL REFERENCES notice_incident, -- what it is about
    phase       text COLLATE "C" NOT NULL,    -- words.Phase
    ts          bigint NOT NULL,              -- when it was published
    texts       text COLLATE "C" NOT NULL,    -- by language
    author      text COLLATE "C" NOT NULL,    -- user id of the publisher; not shown
    post_key    text COLLATE "C" NOT NULL UNIQUE -- of the form that made it
);
CREATE INDEX notice_update_incident ON notice_update (incident_id, update_id);

CREATE TABLE notice_subscriber (
    subscriber_id text COLLATE "C" PRIMARY KEY, -- random
    kind        text COLLATE "C" NOT NULL,    -- email, webhook, room
    target      bytea NOT NULL,               -- sealed: the address, the URL or the room id
    target_hash bytea NOT NULL,               -- keyed hash of kind and target
    secret      bytea,                        -- sealed: what a webhook's bodies are signed with
    language    text COLLATE "C" NOT NULL,    -- in which it is written to
    services    text[] COLLATE "C" NOT NULL,  -- ids of the services it wants; empty for all
    state       text COLLATE "C" NOT NULL,    -- waiting (for confirmation) or live
    asked_ts    bigint NOT NULL,              -- when it subscribed, or last asked again
    failures    integer NOT NULL DEFAULT 0,   -- updates in a row that could not be delivered
    UNIQUE (target_hash)
);
CREATE INDEX notice_subscriber_waiting ON notice_subscriber (asked_ts) WHERE state = 'waiting';

CREATE TABLE notice_delivery (
    delivery_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- also names it to the receiver
    subscriber_id text COLLATE "C" NOT NULL REFERENCES notice_subscriber ON DELETE CASCADE, -- to whom
    update_id     bigint NOT NULL,            -- what; 0 for the question whether to subscribe
    due_ts        bigint NOT NULL,            -- not before
    attempts      integer NOT NULL DEFAULT 0, -- that failed
    claimed_by    text COLLATE "C",           -- the desk that is at it
    claimed_until bigint NOT NULL DEFAULT 0,  -- then another may take it
    done_ts       bigint,                     -- when it was delivered or given up
    outcome       text COLLATE "C"            -- delivered, refused, given_up; NULL while it is due
);
CREATE UNIQUE INDEX notice_delivery_once ON notice_delivery (subscriber_id, update_id)
    WHERE update_id > 0;
CREATE INDEX notice_delivery_due ON notice_delivery (due_ts) WHERE done_ts IS NULL;
CREATE INDEX notice_delivery_update ON notice_delivery (update_id);

-- What one desk of all does: it holds the lease for as long as it renews it.
CREATE TABLE notice_lease (
    name   text COLLATE "C" PRIMARY KEY,      -- probe
    holder text COLLATE "C" NOT NULL,         -- name of a desk's process
    until_ts bigint NOT NULL                  -- then another may take it
);
