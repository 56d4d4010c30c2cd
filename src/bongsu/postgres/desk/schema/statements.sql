-- Statements and briefings. Versions and lines are added and never changed.

CREATE TABLE statement (
    statement_id text COLLATE "C" PRIMARY KEY, -- random
    kind         text COLLATE "C" NOT NULL, -- statements.StatementKind
    draft        bytea NOT NULL,           -- JSON of title and body by language
    revision     integer NOT NULL,         -- how often the draft was written
    version      integer NOT NULL,         -- the latest published one, 0 before the first
    made_ts      bigint NOT NULL           -- when
);

CREATE TABLE statement_version (
    statement_id text COLLATE "C" NOT NULL, -- whose
    version      integer NOT NULL,         -- from 1, dense
    published_ts bigint NOT NULL,          -- when
    texts        bytea NOT NULL,           -- JSON of title and body by language
    hash         bytea NOT NULL,           -- over the version before and all of the above
    PRIMARY KEY (statement_id, version)
);

CREATE TABLE briefing (
    briefing_id text COLLATE "C" PRIMARY KEY, -- random
    title       bytea NOT NULL,            -- JSON of wording.Text
    starts_ts   bigint NOT NULL,           -- when it begins
    state       text COLLATE "C" NOT NULL, -- briefings.BriefingState
    lines       integer NOT NULL           -- how many there are
);

CREATE TABLE briefing_line (
    briefing_id text COLLATE "C" NOT NULL, -- which briefing
    number      integer NOT NULL,          -- from 1, dense
    line_key    text COLLATE "C" NOT NULL, -- chosen with the form: a doubled submit has it too
    said_ts     bigint NOT NULL,           -- when
    speaker     text COLLATE "C" NOT NULL, -- who
    said        bytea NOT NULL,            -- JSON of wording.Text
    corrects    integer,                   -- number of a line that was wrong
    PRIMARY KEY (briefing_id, number),
    UNIQUE (briefing_id, line_key)
);
