-- Damage reports: what reporters said, all versions of it, and the state each report is in now.
-- Sealed columns hold what only Sealer.open gives back; erasure sets them to NULL.

CREATE TABLE report (
    report_id       text COLLATE "C" PRIMARY KEY, -- derived from the key in the reporter's form
    receipt         text COLLATE "C" NOT NULL, -- the number people read out, with check digit
    link_hash       bytea NOT NULL UNIQUE,  -- SHA-256 of the secret in the private link
    received_ts     bigint NOT NULL,        -- when it was on disk, spooled or not
    received_site   text COLLATE "C" NOT NULL, -- which site took it in
    stored_ts       bigint NOT NULL,        -- when it came here; much later if it was spooled
    account_id      text COLLATE "C",       -- Matrix id of a reporter who came in signed in
    language        text COLLATE "C" NOT NULL, -- ko or en: in which we answer
    version         integer NOT NULL,       -- the latest of report_version
    assessment      integer NOT NULL,       -- the latest of assessment; 0 for none
    assessed_version integer NOT NULL,      -- of the report when it was assessed last; 0 for never
    status          text COLLATE "C" NOT NULL, -- reports.words.Status
    claimed_category text COLLATE "C" NOT NULL, -- of the latest version: reports.words.Category
    category        text COLLATE "C" NOT NULL, -- as assessed, else as claimed
    services        text[] COLLATE "C" NOT NULL, -- codes of reports.catalogue
    is_own          boolean NOT NULL,       -- about a service that the operator itself runs
    is_paid         boolean NOT NULL,       -- as assessed, else as claimed
    damage          text COLLATE "C" NOT NULL, -- reports.words.Damage
    started_ts      bigint NOT NULL,        -- from when it did not work
    ended_ts        bigint,                 -- to when; NULL if it still did not
    claimed_loss_amount bigint,             -- smallest unit of the currency; NULL: no loss in money
    loss_amount     bigint,                 -- as assessed, else as claimed
    loss_currency   text COLLATE "C",       -- ISO 4217
    country         text COLLATE "C" NOT NULL, -- ISO 3166-1 alpha-2, or '' for unknown
    evidence_count  integer NOT NULL,       -- files that were not taken back
    evidence_accepted integer NOT NULL,     -- of them those that an assessor accepted
    has_payout      boolean NOT NULL,       -- whether the latest version has payout details
    words           bigint[] NOT NULL,      -- keyed hashes of the text's terms, for the search
    changed_ts      bigint NOT NULL,        -- when anything of it changed last
    erased_ts       bigint                  -- when all that is personal was erased
);
-- Not unique: two of 2^55 may be equal, and no report is turned away for that.
CREATE INDEX report_receipt ON report (receipt);
CREATE INDEX report_received ON report (received_ts, report_id);
CREATE INDEX report_status ON report (status, received_ts, report_id);
CREATE INDEX report_category ON report (category, received_ts, report_id);
CREATE INDEX report_account ON report (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX report_unerased ON report (changed_ts) WHERE erased_ts IS NULL;
CREATE INDEX report_words ON report USING gin (words);

CREATE TABLE report_version (
    report_id       text COLLATE "C" NOT NULL, -- whose
    version         integer NOT NULL,       -- from 1, dense
    submitted_ts    bigint NOT NULL,        -- when
    claim           bytea NOT NULL,         -- JSON of reports.claim.Claim: nothing that names anybody
    name            bytea,                  -- sealed
    contact         bytea,                  -- sealed
    description     bytea,                  -- sealed: what happened
    reckoning       bytea,                  -- sealed: how the loss was reckoned
    payout          bytea,                  -- sealed: bank, account and its holder
    digest          bytea NOT NULL,         -- keyed hash of all of it, to know a doubled submit
    -- To what the sealed fields are bound.
    seal_id         text COLLATE "C" NOT NULL UNIQUE GENERATED ALWAYS AS (report_id || '/' || version) STORED,
    PRIMARY KEY (report_id, version)
);

CREATE TABLE report_file (
    report_id       text COLLATE "C" NOT NULL, -- whose
    number          integer NOT NULL,       -- from 1 within the report
    version         integer NOT NULL,       -- with which version it came
    name            bytea,                  -- sealed: what the reporter's machine called it
    sha256          bytea NOT NULL,         -- of its bytes
    size            bigint NOT NULL,        -- bytes
    sites           text[] COLLATE "C" NOT NULL, -- whose media stores have it
    scan            text COLLATE "C" NOT NULL, -- pending, clean, infected, failed
    is_accepted     boolean,                -- what the assessors think of it; NULL: nothing yet
    withdrawn_ts    bigint,                 -- when the reporter took it back
    -- To what the sealed name is bound.
    seal_id         text COLLATE "C" NOT NULL UNIQUE GENERATED ALWAYS AS (report_id || '/' || number) STORED,
    PRIMARY KEY (report_id, number)
);
CREATE INDEX report_file_unscanned ON report_file (report_id, number) WHERE scan = 'pending';
CREATE INDEX report_file_sha256 ON report_file (sha256);

CREATE TABLE report_entry (
    report_id       text COLLATE "C" NOT NULL, -- whose conversation
    number          integer NOT NULL,       -- from 1, dense
    entry_key       text COLLATE "C" NOT NULL, -- chosen with the form: a doubled submit has it too
    written_ts      bigint NOT NULL,        -- when
    party           text COLLATE "C" NOT NULL, -- reports.words.Party
    author          text COLLATE "C",       -- the operator's Matrix id; NULL for the reporter
    kind            text COLLATE "C" NOT NULL, -- reports.words.Kind
    body            bytea,                  -- sealed: what is said
    -- To what the sealed text is bound.
    seal_id         text COLLATE "C" NOT NULL UNIQUE GENERATED ALWAYS AS (report_id || '/' || entry_key) STORED,
    PRIMARY KEY (report_id, number)
);

-- What reports may share: the same account, file, payout details, contact or nearly the same text.
CREATE TABLE report_mark (
    kind            smallint NOT NULL,      -- reports.marks.MarkKind
    mark            bigint NOT NULL,        -- keyed hash
    report_id       text COLLATE "C" NOT NULL, -- which report bears it
    PRIMARY KEY (kind, mark, report_id)
);
CREATE INDEX report_mark_report ON report_mark (report_id);
