-- What every area of the desk leans on: operators and their sessions, the audit log, data keys.

CREATE TABLE operator (
    user_id  text COLLATE "C" PRIMARY KEY,   -- an account of this server
    roles    text[] COLLATE "C" NOT NULL,    -- of desk.roles.Role; never empty
    added_ts bigint NOT NULL                 -- when the first role was given
);

CREATE TABLE operator_session (
    token_hash bytea PRIMARY KEY,             -- SHA-256 of the cookie
    user_id    text COLLATE "C" NOT NULL,
    made_ts    bigint NOT NULL,               -- when the operator signed in
    expires_ts bigint NOT NULL                -- from then on it is worth nothing
);
CREATE INDEX operator_session_user ON operator_session (user_id);
CREATE INDEX operator_session_expiry ON operator_session (expires_ts);

-- The last link of the chain. Its lock is what puts acts into one order.
CREATE TABLE audit_head (
    only_row boolean PRIMARY KEY CHECK (only_row), -- there is one head
    number   bigint NOT NULL,                 -- of the latest entry, 0 before the first
    hash     bytea NOT NULL                   -- of the latest entry, 32 zero bytes before the first
);
INSERT INTO audit_head VALUES (true, 0, decode(repeat('00', 32), 'hex'));

CREATE TABLE audit_entry (
    number  bigint PRIMARY KEY,               -- dense from 1
    ts      bigint NOT NULL,                  -- when the act was done
    actor   text COLLATE "C" NOT NULL,        -- user id of the operator, or a part of the desk
    action  text COLLATE "C" NOT NULL,        -- area.verb, such as notices.post_update
    subject text COLLATE "C" NOT NULL,        -- id of what it was done to
    detail  text COLLATE "C" NOT NULL,        -- canonical JSON, as it was hashed
    hash    bytea NOT NULL                    -- SHA-256 over the hash before and all of the above
);
CREATE INDEX audit_entry_subject ON audit_entry (subject, number);

CREATE TABLE sealing_key (
    key_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- stands in front of what it seals
    wrapped bytea NOT NULL,                   -- the data key, sealed with a key of the key file
    file_key text COLLATE "C" NOT NULL,       -- which one: its id in the file
    made_ts bigint NOT NULL                   -- the latest key seals, the others only open
);
