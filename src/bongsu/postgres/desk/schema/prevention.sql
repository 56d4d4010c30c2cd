-- Measures against the next time. Plans, changes, proofs and drills are added and never changed.

CREATE TABLE measure (
    measure_id text COLLATE "C" PRIMARY KEY, -- random
    version    integer NOT NULL,           -- the latest of measure_plan
    state      text COLLATE "C" NOT NULL,  -- measures.State
    made_ts    bigint NOT NULL,            -- when it was made: no proof is older
    changed_ts bigint NOT NULL             -- when the state changed last
);

CREATE TABLE measure_plan (
    measure_id text COLLATE "C" NOT NULL,  -- whose
    version    integer NOT NULL,           -- from 1, dense
    plan       bytea NOT NULL,             -- JSON of measures.Plan
    author     text COLLATE "C" NOT NULL,  -- Matrix id
    written_ts bigint NOT NULL,            -- when
    PRIMARY KEY (measure_id, version)
);

CREATE TABLE measure_change (
    measure_id text COLLATE "C" NOT NULL,  -- whose
    number     integer NOT NULL,           -- from 1, dense
    ts         bigint NOT NULL,            -- when
    state      text COLLATE "C" NOT NULL,  -- measures.State from then on
    reason     text COLLATE "C" NOT NULL,  -- what the proof shows, or why it is opened or dropped
    proof      integer,                    -- number of the proof that brought it about
    PRIMARY KEY (measure_id, number)
);

CREATE TABLE measure_proof (
    measure_id text COLLATE "C" NOT NULL,  -- whose
    number     integer NOT NULL,           -- from 1, dense
    added_ts   bigint NOT NULL,            -- when it was attached
    author     text COLLATE "C" NOT NULL,  -- Matrix id
    name       text COLLATE "C" NOT NULL,  -- of the file
    sha256     bytea NOT NULL,             -- of its bytes, by which the media stores have it
    size       bigint NOT NULL,            -- bytes
    made_ts    bigint NOT NULL,            -- when what it proves happened, by its own words
    holds      boolean NOT NULL,           -- whether it shows what was asked for
    summary    text COLLATE "C" NOT NULL,  -- what was read in it
    faults     text[] COLLATE "C" NOT NULL, -- why it does not hold
    PRIMARY KEY (measure_id, number),
    UNIQUE (measure_id, sha256)
);

CREATE TABLE drill_seen (
    began_ts    bigint NOT NULL,           -- when the drill began
    site        text COLLATE "C" NOT NULL, -- which was lost
    how         text COLLATE "C" NOT NULL, -- kill, cut, hang, by hand
    was_primary boolean,                   -- whether it held the primary; NULL: nobody could say
    faults      text[] COLLATE "C" NOT NULL, -- empty: every promise held
    PRIMARY KEY (began_ts, site, how)
);
