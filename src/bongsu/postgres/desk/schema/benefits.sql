-- What is no money, handed to the systems that grant it. The ledger says what is given; here stands
-- what of it was handed over, and what those systems answered.

CREATE FUNCTION benefit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TABLE benefit_batch (
    batch_id    text COLLATE "C" PRIMARY KEY, -- chosen with the form
    made_ts     bigint NOT NULL,            -- when
    operator    text COLLATE "C" NOT NULL,  -- user id
    kind        text COLLATE "C" NOT NULL,  -- compensation.programme.Kind: one system grants it
    line_count  integer NOT NULL            -- how many lines it has
);
CREATE TRIGGER benefit_batch_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON benefit_batch
    FOR EACH STATEMENT EXECUTE FUNCTION benefit_refuse_change();

CREATE TABLE benefit_line (
    line_id     text COLLATE "C" PRIMARY KEY, -- by which the granting system knows it again
    batch_id    text COLLATE "C" NOT NULL REFERENCES benefit_batch, -- in which batch
    number      integer NOT NULL,           -- from 1 within the batch
    source      text COLLATE "C" NOT NULL CHECK (source IN ('report', 'grant')), -- why it is given
    programme   text COLLATE "C" NOT NULL,  -- by which programme
    subject     text COLLATE "C" NOT NULL,  -- report id, or the grant's name
    account_id  text COLLATE "C" NOT NULL,  -- of a grant: who took it; '' for a report: its reporter
    unit        text COLLATE "C" NOT NULL,  -- as in compensation_award
    amount      bigint NOT NULL CHECK (amount > 0), -- smallest units
    valid_until_ts bigint,                  -- when it ends by itself; NULL: never
    state       text COLLATE "C" NOT NULL CHECK (state IN ('sent', 'granted', 'failed')), -- where it is
    reason      text COLLATE "C" NOT NULL,  -- of a failure, in the granting system's words
    changed_ts  bigint NOT NULL             -- when it got into this state
);
CREATE INDEX benefit_line_batch ON benefit_line (batch_id, number);
-- Nothing is under way twice, and a grant is handed over once for good.
CREATE UNIQUE INDEX benefit_line_under_way
    ON benefit_line (programme, subject, account_id, unit) WHERE state = 'sent';
CREATE UNIQUE INDEX benefit_line_grant
    ON benefit_line (programme, subject, account_id) WHERE source = 'grant' AND state <> 'failed';

CREATE FUNCTION benefit_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.line_id, OLD.batch_id, OLD.number, OLD.source, OLD.programme, OLD.subject,
        OLD.account_id, OLD.unit, OLD.amount) IS DISTINCT FROM
       (NEW.line_id, NEW.batch_id, NEW.number, NEW.source, NEW.programme, NEW.subject,
        NEW.account_id, NEW.unit, NEW.amount) OR OLD.state <> 'sent' OR NEW.state = 'sent' THEN
        RAISE EXCEPTION 'line % cannot change like this', OLD.line_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER benefit_line_changes BEFORE UPDATE ON benefit_line
    FOR EACH ROW EXECUTE FUNCTION benefit_check_change();
CREATE TRIGGER benefit_line_fixed BEFORE DELETE OR TRUNCATE ON benefit_line
    FOR EACH STATEMENT EXECUTE FUNCTION benefit_refuse_change();

-- Who makes a batch locks this one row first: batches are made one after the other.
CREATE TABLE benefit_turn (
    name        text COLLATE "C" PRIMARY KEY, -- batches
    taken       bigint NOT NULL             -- how often
);
INSERT INTO benefit_turn VALUES ('batches', 0);
