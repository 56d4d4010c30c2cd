-- What operators made of the reports. Rows are added, never changed.

CREATE TABLE assessment (
    report_id       text COLLATE "C" NOT NULL, -- which report
    version         integer NOT NULL,       -- from 1, dense
    report_version  integer NOT NULL,       -- what the reporter had said when this was decided
    decided_ts      bigint NOT NULL,        -- when
    operator        text COLLATE "C" NOT NULL, -- Matrix id of who decided
    status          text COLLATE "C" NOT NULL, -- reports.words.Status
    category        text COLLATE "C" NOT NULL, -- reports.words.Category
    is_paid         boolean NOT NULL,       -- whether one of the services was paid for
    loss_amount     bigint,                 -- the loss that is believed, in report.loss_currency
    duplicate_of    text COLLATE "C",       -- report id, with status duplicate
    reason          text COLLATE "C" NOT NULL, -- why, in the operator's words
    bulk_id         text COLLATE "C",       -- the act on many reports that this is part of
    PRIMARY KEY (report_id, version)
);
CREATE INDEX assessment_of_bulk ON assessment (bulk_id) WHERE bulk_id IS NOT NULL;

CREATE TABLE assessment_file (
    report_id       text COLLATE "C" NOT NULL, -- which report
    version         integer NOT NULL,       -- of the assessment
    number          integer NOT NULL,       -- of report_file
    is_accepted     boolean NOT NULL,       -- whether it proves what it should
    PRIMARY KEY (report_id, version, number)
);

-- One act on many reports: what was chosen and why. Its id makes a repeated order do nothing.
CREATE TABLE assessment_bulk (
    bulk_id         text COLLATE "C" PRIMARY KEY, -- chosen with the form
    ordered_ts      bigint NOT NULL,        -- when
    operator        text COLLATE "C" NOT NULL, -- Matrix id
    change          bytea NOT NULL,         -- JSON of assessment.decision.Change
    chosen          bytea NOT NULL,         -- JSON of the filter by which reports were chosen
    counted         integer NOT NULL        -- how many reports it changed
);
