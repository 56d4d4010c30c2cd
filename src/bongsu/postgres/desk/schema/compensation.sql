-- Compensation: programmes and their approval, what each report was given, grants to everybody.

-- What is written once is written for good, whoever is connected.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TABLE programme_version (
    programme   text COLLATE "C" NOT NULL,  -- its name in its text
    version     integer NOT NULL,           -- from 1, dense
    text        text COLLATE "C" NOT NULL,  -- YAML, as it was written
    sha256      bytea NOT NULL,             -- of the text: what an approval names
    author      text COLLATE "C" NOT NULL,  -- user id of who wrote this version
    note        text COLLATE "C" NOT NULL,  -- what is different and why
    made_ts     bigint NOT NULL,            -- when
    PRIMARY KEY (programme, version)
);
CREATE TRIGGER programme_version_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON programme_version
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE programme_approval (
    programme   text COLLATE "C" NOT NULL,  -- of programme_version
    version     integer NOT NULL,           -- of programme_version
    sha256      bytea NOT NULL,             -- of the text that the approver was shown
    approver    text COLLATE "C" NOT NULL,  -- user id
    approved_ts bigint NOT NULL,            -- when
    FOREIGN KEY (programme, version) REFERENCES programme_version (programme, version)
);
CREATE UNIQUE INDEX programme_approval_once
    ON programme_approval (programme, version, lower(approver));
CREATE TRIGGER programme_approval_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON programme_approval
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION check_approval() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM FROM programme_version
      WHERE programme = NEW.programme AND version = NEW.version
        AND sha256 = NEW.sha256 AND lower(author) <> lower(NEW.approver);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'an approval is of the very text, and never by its author'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER programme_approval_checked BEFORE INSERT ON programme_approval
    FOR EACH ROW EXECUTE FUNCTION check_approval();

CREATE TABLE programme_dry_run (
    programme   text COLLATE "C" NOT NULL,  -- of programme_version
    version     integer NOT NULL,           -- what was run
    before      integer NOT NULL,           -- the version it was compared with; 0 for none
    ran_ts      bigint NOT NULL,            -- when it was done
    operator    text COLLATE "C" NOT NULL,  -- user id of who asked for it
    result      bytea NOT NULL,             -- JSON of compensation.dry_run.DryRun
    PRIMARY KEY (programme, version, ran_ts)
);

-- A report in a programme. Whoever moves its money locks its row first.
CREATE TABLE compensation_case (
    report_id   text COLLATE "C" NOT NULL,  -- which report
    programme   text COLLATE "C" NOT NULL,  -- by whose rules
    decision    integer NOT NULL,           -- the latest of compensation_decision; 0 before the first
    PRIMARY KEY (report_id, programme)
);

CREATE TABLE compensation_decision (
    report_id   text COLLATE "C" NOT NULL,  -- which report
    programme   text COLLATE "C" NOT NULL,  -- by whose rules
    number      integer NOT NULL,           -- from 1, dense: an appeal adds one, none changes
    version     integer NOT NULL,           -- of the programme
    report_version integer NOT NULL,        -- of what the reporter had said
    assessment  integer NOT NULL,           -- version of the assessment it rests on
    source      text COLLATE "C" NOT NULL,  -- rules, or hand: a person decided the amount
    asked       text[] COLLATE "C" NOT NULL, -- rule/bracket where a person must decide
    reason      text COLLATE "C" NOT NULL,  -- of a decision by hand
    operator    text COLLATE "C" NOT NULL,  -- user id of who decided, or had the rules decide
    approver    text COLLATE "C",           -- user id of the second person of a decision by hand
    decided_ts  bigint NOT NULL,            -- when
    PRIMARY KEY (report_id, programme, number),
    CHECK (approver IS NULL OR lower(approver) <> lower(operator)),
    CHECK (source <> 'hand' OR approver IS NOT NULL)
);
CREATE INDEX compensation_decision_time ON compensation_decision (decided_ts);
CREATE TRIGGER compensation_decision_fixed
    BEFORE UPDATE OR DELETE OR TRUNCATE ON compensation_decision
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE compensation_award (
    report_id   text COLLATE "C" NOT NULL,  -- of compensation_decision
    programme   text COLLATE "C" NOT NULL,  -- of compensation_decision
    number      integer NOT NULL,           -- of compensation_decision
    line        integer NOT NULL,           -- from 1 within the decision
    rule        text COLLATE "C" NOT NULL,  -- of the programme's text; '' by hand
    bracket     integer NOT NULL,           -- of the rule, from 0
    kind        text COLLATE "C" NOT NULL,  -- compensation.programme.Kind
    unit        text COLLATE "C" NOT NULL,  -- KRW, KRW.CHANNEL_CREDIT, POINTS, …
    amount      bigint NOT NULL CHECK (amount > 0), -- smallest units
    item        text COLLATE "C" NOT NULL,  -- which coupon or pack
    valid_until_ts bigint,                  -- when it ends by itself; NULL: never
    PRIMARY KEY (report_id, programme, number, line)
);
CREATE TRIGGER compensation_award_fixed
    BEFORE UPDATE OR DELETE OR TRUNCATE ON compensation_award
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- An amount that one person proposes and another confirms: for what the rules leave to people.
CREATE TABLE compensation_proposal (
    proposal_id text COLLATE "C" PRIMARY KEY, -- chosen with the form
    report_id   text COLLATE "C" NOT NULL,  -- which report
    programme   text COLLATE "C" NOT NULL,  -- in whose currency and name
    amount      bigint NOT NULL CHECK (amount >= 0), -- money in all, smallest units
    reason      text COLLATE "C" NOT NULL,  -- why
    operator    text COLLATE "C" NOT NULL,  -- user id
    proposed_ts bigint NOT NULL,            -- when
    settled_ts  bigint                      -- when it was confirmed or dropped
);
CREATE INDEX compensation_proposal_open ON compensation_proposal (proposed_ts)
    WHERE settled_ts IS NULL;

CREATE TABLE grant_claim (
    programme   text COLLATE "C" NOT NULL,  -- whose grant
    name        text COLLATE "C" NOT NULL,  -- of the grant in the programme's text
    account_id  text COLLATE "C" NOT NULL,  -- user id of who took it, once
    version     integer NOT NULL,           -- of the programme
    kind        text COLLATE "C" NOT NULL,  -- compensation.programme.Kind
    unit        text COLLATE "C" NOT NULL,  -- as in compensation_award
    amount      bigint NOT NULL CHECK (amount > 0), -- smallest units
    item        text COLLATE "C" NOT NULL,  -- which coupon or pack
    claimed_ts  bigint NOT NULL,            -- when
    expires_ts  bigint,                     -- when it ends by itself; NULL: never
    PRIMARY KEY (programme, name, account_id)
);
CREATE INDEX grant_claim_account ON grant_claim (account_id);
CREATE TRIGGER grant_claim_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON grant_claim
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
