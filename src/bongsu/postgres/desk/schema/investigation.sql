-- Investigations: machine events, cases with their items, evidence, interviews, drafts, versions.
-- Items, evidence and published versions are added and never changed (privileges.sql).

CREATE TABLE machine_sender (
    sender     text COLLATE "C" PRIMARY KEY, -- its name, such as witness-a
    token_hash bytea NOT NULL UNIQUE,      -- SHA-256 of its bearer token
    made_ts    bigint NOT NULL,            -- when this token was made
    made_by    text COLLATE "C" NOT NULL,  -- Matrix id of who made it
    revoked_ts bigint                      -- from then on the token is worth nothing
);

CREATE TABLE machine_event (
    sender      text COLLATE "C" NOT NULL, -- who says so
    event_id    text COLLATE "C" NOT NULL, -- the sender's own: sent again it changes nothing
    at          bigint NOT NULL,           -- when it was, ms since 1970
    content     bytea NOT NULL,            -- JSON of machine_events.MachineEvent
    digest      bytea NOT NULL,            -- of the content, to know another one under the same id
    received_ts bigint NOT NULL,           -- when it came in
    PRIMARY KEY (sender, event_id)
);
CREATE INDEX machine_event_at ON machine_event (at);

CREATE TABLE investigation_case (
    case_id   text COLLATE "C" PRIMARY KEY, -- random
    title     bytea NOT NULL,              -- JSON of wording.Text
    began     bigint NOT NULL,             -- from when what is investigated lasted
    ended     bigint,                      -- until when; NULL while it lasts
    opened_ts bigint NOT NULL              -- when the case was opened
);

CREATE TABLE investigation_item (
    case_id      text COLLATE "C" NOT NULL, -- which case
    item_id      text COLLATE "C" NOT NULL, -- random
    version      integer NOT NULL,         -- from 1, dense
    content      bytea NOT NULL,           -- JSON of one of items.Content
    is_public    boolean NOT NULL,         -- whether a draft takes it up
    is_withdrawn boolean NOT NULL,         -- whether it is no part of the case any more
    note         text COLLATE "C" NOT NULL, -- for investigators, never published
    author       text COLLATE "C" NOT NULL, -- Matrix id
    written_ts   bigint NOT NULL,          -- when this version was written
    PRIMARY KEY (case_id, item_id, version)
);

CREATE TABLE investigation_evidence (
    case_id     text COLLATE "C" NOT NULL, -- which case
    number      integer NOT NULL,          -- from 1, dense: its place in the chain
    added_ts    bigint NOT NULL,           -- when
    author      text COLLATE "C" NOT NULL, -- Matrix id
    sha256      bytea NOT NULL,            -- of its bytes, by which the media stores have it
    size        bigint NOT NULL,           -- bytes
    name        text COLLATE "C" NOT NULL, -- as it came
    description text COLLATE "C" NOT NULL, -- what it shows, for investigators
    hash        bytea NOT NULL,            -- the link: over the one before and all of the above
    is_public   boolean NOT NULL,          -- whether a draft takes it up
    public_name text COLLATE "C" NOT NULL, -- under which the public gets it
    caption     bytea NOT NULL,            -- JSON of wording.Text: what it shows, for the public
    PRIMARY KEY (case_id, number)
);

CREATE TABLE investigation_interview (
    interview_id text COLLATE "C" PRIMARY KEY, -- random
    case_id      text COLLATE "C" NOT NULL, -- which case
    held_ts      bigint NOT NULL,          -- when it was held
    written_ts   bigint NOT NULL,          -- when it came here
    author       text COLLATE "C" NOT NULL, -- Matrix id of who held it
    person       bytea NOT NULL,           -- sealed: who was asked
    said         bytea NOT NULL            -- sealed: what was said
);
CREATE INDEX investigation_interview_case ON investigation_interview (case_id, held_ts);

CREATE TABLE investigation_draft (
    case_id     text COLLATE "C" NOT NULL, -- which case
    number      integer NOT NULL,          -- from 1, dense
    body        bytea NOT NULL,            -- JSON of document.Document, as it was hashed
    hash        text COLLATE "C" NOT NULL, -- SHA-256 of it, hexadecimal
    summary     text COLLATE "C" NOT NULL, -- what is new, for the public
    author      text COLLATE "C" NOT NULL, -- Matrix id
    made_ts     bigint NOT NULL,           -- when
    reviewer    text COLLATE "C",          -- Matrix id of another person; NULL: not reviewed
    review_note text COLLATE "C" NOT NULL, -- the reviewer's words
    reviewed_ts bigint,                    -- when
    is_approved boolean,                   -- the verdict
    PRIMARY KEY (case_id, number),
    CHECK (reviewer <> author)
);

CREATE TABLE investigation_publication (
    case_id      text COLLATE "C" NOT NULL, -- which case
    version      integer NOT NULL,         -- from 1, dense
    draft        integer NOT NULL,         -- which draft it was
    body         bytea NOT NULL,           -- the draft's
    hash         text COLLATE "C" NOT NULL, -- SHA-256 of it, hexadecimal
    summary      text COLLATE "C" NOT NULL, -- what is new
    published_ts bigint NOT NULL,          -- when
    PRIMARY KEY (case_id, version),
    UNIQUE (case_id, draft)
);
