-- The log and the tables that follow from it. Only the owner of a partition writes here (the pen).
-- Texts are COLLATE "C": keys compare as bytes, on every engine and in every locale.

CREATE TABLE log (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton), -- one row
    incarnation text COLLATE "C" NOT NULL, -- changes when history may have been lost (a restored backup)
    server_name text COLLATE "C" NOT NULL, -- fixed at first start, for ever
    signing_key bytea NOT NULL             -- ed25519 seed, for exports to other servers
);

CREATE TABLE partition (
    partition smallint PRIMARY KEY,        -- 0..63
    epoch bigint NOT NULL DEFAULT 0,       -- bumped by each new owner; every write compares it
    head bigint NOT NULL DEFAULT 0,        -- the last position given out; every write compares it
    durable_through bigint NOT NULL DEFAULT 0, -- the last position known acknowledged when written
    owner text COLLATE "C" NOT NULL DEFAULT '' -- node id of the owner of this epoch
);
INSERT INTO partition (partition) SELECT generate_series(0, 63);

CREATE TABLE entry (
    partition smallint NOT NULL,           -- of the key
    position bigint NOT NULL,              -- dense within the partition, from 1
    kind smallint NOT NULL,                -- log.entry.Kind
    key text COLLATE "C" NOT NULL,         -- the room or user it belongs to
    event_id text COLLATE "C",             -- of a room event
    request_id bytea,                      -- scoped request id (16 bytes) it answers
    body bytea NOT NULL,                   -- canonical JSON of a room event, else the kind's own JSON
    facts bytea NOT NULL,                  -- log.entry.EventFacts of a room event, else empty
    PRIMARY KEY (partition, position)
);
CREATE UNIQUE INDEX entry_key_position ON entry (key, position) WHERE event_id IS NOT NULL;
CREATE UNIQUE INDEX entry_event_id ON entry (event_id) WHERE event_id IS NOT NULL;
CREATE UNIQUE INDEX entry_request_id ON entry (request_id) WHERE request_id IS NOT NULL;

CREATE TABLE room (
    room_id text COLLATE "C" PRIMARY KEY,  -- the room
    version text COLLATE "C" NOT NULL,     -- room version
    creator text COLLATE "C" NOT NULL,     -- sender of its create event
    created_position bigint NOT NULL,      -- of its create event
    joined_count bigint NOT NULL,          -- members joined
    invited_count bigint NOT NULL,         -- members invited
    position bigint NOT NULL               -- of the last state change counted here
);

-- Every change of a room's state: its state at position p is, per (type, state_key), the last
-- row at or before p.
CREATE TABLE state (
    room_id text COLLATE "C" NOT NULL,     -- the room
    type text COLLATE "C" NOT NULL,        -- event type
    state_key text COLLATE "C" NOT NULL,   -- state key
    position bigint NOT NULL,              -- of the state event in the room's partition
    event_id text COLLATE "C" NOT NULL,    -- the state event
    PRIMARY KEY (room_id, type, state_key, position)
);

-- Every change of anyone's membership, written with the member event.
CREATE TABLE membership (
    user_id text COLLATE "C" NOT NULL,     -- whose membership (the state key)
    room_id text COLLATE "C" NOT NULL,     -- in which room
    position bigint NOT NULL,              -- of the member event in the room's partition
    membership text COLLATE "C" NOT NULL,  -- join, invite, knock, leave or ban
    event_id text COLLATE "C" NOT NULL,    -- the member event
    sender text COLLATE "C" NOT NULL,      -- who made the change
    stripped_state bytea,                  -- JSON list shown to an invited or knocking user
    notify_total bigint NOT NULL,          -- the room's total of notifying events then
    main_total bigint NOT NULL,            -- the same without threads
    PRIMARY KEY (user_id, room_id, position)
);
CREATE INDEX membership_room ON membership (room_id, user_id, position);
CREATE INDEX membership_position ON membership (room_id, position);

CREATE TABLE forgotten (
    user_id text COLLATE "C" NOT NULL,     -- who forgot
    room_id text COLLATE "C" NOT NULL,     -- which room
    leave_position bigint NOT NULL,        -- the leave that was forgotten: a later membership undoes it
    PRIMARY KEY (user_id, room_id)
);

CREATE TABLE relation (
    room_id text COLLATE "C" NOT NULL,     -- the room of both events
    parent_id text COLLATE "C" NOT NULL,   -- the event related to
    position bigint NOT NULL,              -- of the child
    event_id text COLLATE "C" NOT NULL,    -- the child
    rel_type text COLLATE "C" NOT NULL,    -- m.annotation, m.replace, m.thread, m.reference, ...
    type text COLLATE "C" NOT NULL,        -- the child's event type
    sender text COLLATE "C" NOT NULL,      -- the child's sender
    key text COLLATE "C",                  -- of an annotation
    PRIMARY KEY (room_id, parent_id, position)
);
-- Threads of a room, by their latest reply.
CREATE INDEX relation_thread ON relation (room_id, position) WHERE rel_type = 'm.thread';

-- Who was mentioned where: highlights are counted from here.
CREATE TABLE mention (
    user_id text COLLATE "C" NOT NULL,     -- who; '@room' for all
    room_id text COLLATE "C" NOT NULL,     -- where
    position bigint NOT NULL,              -- of the event
    thread text COLLATE "C",               -- its thread root, or null
    silent boolean NOT NULL,               -- the event notifies nobody but those it mentions
    PRIMARY KEY (user_id, room_id, position)
);

CREATE TABLE receipt (
    room_id text COLLATE "C" NOT NULL,     -- the room
    user_id text COLLATE "C" NOT NULL,     -- the reader
    receipt_type text COLLATE "C" NOT NULL, -- m.read, m.read.private
    thread_id text COLLATE "C" NOT NULL,   -- '' unthreaded, 'main', or the root's event id
    position bigint NOT NULL,              -- of the receipt's latest entry
    event_position bigint NOT NULL,        -- of the event read; only ever grows
    body bytea NOT NULL,                   -- log.entry.Receipt
    PRIMARY KEY (room_id, user_id, receipt_type, thread_id)
);
CREATE INDEX receipt_user ON receipt (user_id, room_id);
CREATE INDEX receipt_position ON receipt (room_id, position);

CREATE TABLE account_data (
    user_id text COLLATE "C" NOT NULL,     -- whose
    room_id text COLLATE "C" NOT NULL,     -- '' for global
    type text COLLATE "C" NOT NULL,        -- event type
    position bigint NOT NULL,              -- of its latest entry in the user's partition
    content bytea,                         -- JSON; null once deleted
    PRIMARY KEY (user_id, room_id, type)
);

CREATE TABLE profile (
    user_id text COLLATE "C" NOT NULL,     -- whose
    field text COLLATE "C" NOT NULL,       -- displayname, avatar_url, m.tz or a custom name
    position bigint NOT NULL,              -- of its latest entry in the user's partition
    value bytea,                           -- JSON; null once removed
    PRIMARY KEY (user_id, field)
);

-- The latest change of everyone's devices and keys.
CREATE TABLE device_list (
    user_id text COLLATE "C" PRIMARY KEY,  -- whose
    partition smallint NOT NULL,           -- of the user
    position bigint NOT NULL               -- of the latest change in the user's partition
);
CREATE INDEX device_list_position ON device_list (partition, position);

-- Whose keys look different to one user alone, who signed them.
CREATE TABLE signed_user (
    user_id text COLLATE "C" NOT NULL,     -- who signed
    signed text COLLATE "C" NOT NULL,      -- whose key
    position bigint NOT NULL,              -- of the latest signing in the signer's partition
    PRIMARY KEY (user_id, signed)
);
