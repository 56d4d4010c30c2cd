-- The ledger: double entry, kept by the database itself. Entries are added by statements that sum to
-- zero in each unit of each transfer, all of a transfer in one transaction, and nothing is ever
-- changed or removed. Accounts are texts: class:subject (compensation/accounts.py).

CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is only added to: % refused', TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TABLE ledger_transfer (
    transfer    text COLLATE "C" PRIMARY KEY, -- says what happened, so that it happens once
    number      bigint GENERATED ALWAYS AS IDENTITY UNIQUE, -- the order in which they began
    made_ts     bigint NOT NULL,            -- when
    operator    text COLLATE "C" NOT NULL,  -- user id, or a part of the desk
    memo        text COLLATE "C" NOT NULL,  -- for people; nothing personal
    -- The transaction that wrote it: no other may add entries.
    writer      xid8 NOT NULL DEFAULT pg_current_xact_id()
);

CREATE TABLE ledger_entry (
    transfer    text COLLATE "C" NOT NULL REFERENCES ledger_transfer, -- of which transfer
    line        smallint NOT NULL,          -- from 1
    account     text COLLATE "C" NOT NULL CHECK (account ~ '^[a-z]+(:.+)?$'), -- class:subject
    unit        text COLLATE "C" NOT NULL CHECK (unit <> ''), -- what is counted
    amount      bigint NOT NULL CHECK (amount <> 0), -- what the account gets, in smallest units
    PRIMARY KEY (transfer, line)
);
CREATE INDEX ledger_entry_account ON ledger_entry (account, unit) INCLUDE (amount);

CREATE TRIGGER ledger_transfer_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_entry_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

-- What is owed, under way, returned or claimed: accounts that never hold less than nothing. Their rows
-- are the locks by which two that draw on one account at once wait for each other.
CREATE TABLE ledger_balance (
    account     text COLLATE "C" NOT NULL,  -- payable, transit, returned or recovery
    unit        text COLLATE "C" NOT NULL,  -- as in its entries
    amount      bigint NOT NULL,            -- the sum of its entries
    PRIMARY KEY (account, unit)
);

-- Looks once at what a statement adds, however much that is. It alone may write balances: it runs
-- as who owns them.
CREATE FUNCTION ledger_check_entries() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    wrong text;
BEGIN
    SELECT added.transfer INTO wrong FROM added LEFT JOIN ledger_transfer USING (transfer)
     WHERE writer IS DISTINCT FROM pg_current_xact_id() LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'transfer % is closed', wrong USING ERRCODE = 'restrict_violation';
    END IF;

    SELECT transfer INTO wrong FROM added
     GROUP BY transfer, unit HAVING sum(amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'transfer % does not sum to zero', wrong
            USING ERRCODE = 'check_violation';
    END IF;

    WITH moved AS (
        INSERT INTO ledger_balance AS held
        SELECT account, unit, sum(amount)::bigint FROM added
         WHERE account ~ '^(payable|transit|returned|recovery):'
         GROUP BY account, unit ORDER BY account, unit
            ON CONFLICT (account, unit) DO UPDATE SET amount = held.amount + EXCLUDED.amount
        RETURNING account, amount
    )
    SELECT account INTO wrong FROM moved WHERE amount < 0 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'account % would fall below zero', wrong
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER ledger_entry_checked AFTER INSERT ON ledger_entry
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_entries();
CREATE TRIGGER ledger_balance_fixed
    BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON ledger_balance
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger_refuse_change();

CREATE FUNCTION ledger_check_transfer() RETURNS trigger
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_entry WHERE transfer = NEW.transfer) THEN
        RAISE EXCEPTION 'transfer % moves nothing', NEW.transfer USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER ledger_transfer_moves AFTER INSERT ON ledger_transfer
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_check_transfer();

CREATE TABLE payout_batch (
    batch_id    text COLLATE "C" PRIMARY KEY, -- chosen with the form; MsgId of its messages
    made_ts     bigint NOT NULL,            -- when
    operator    text COLLATE "C" NOT NULL,  -- user id
    currency    text COLLATE "C" NOT NULL,  -- ISO 4217
    line_count  integer NOT NULL,           -- how many lines it has
    total       bigint NOT NULL             -- their sum, smallest units
);
CREATE TRIGGER payout_batch_fixed BEFORE UPDATE OR DELETE OR TRUNCATE ON payout_batch
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

CREATE TABLE payout_line (
    line_id     text COLLATE "C" PRIMARY KEY, -- EndToEndId
    batch_id    text COLLATE "C" NOT NULL REFERENCES payout_batch, -- in which batch
    number      integer NOT NULL,           -- from 1 within the batch
    report_id   text COLLATE "C" NOT NULL,  -- to whom, in the end
    programme   text COLLATE "C" NOT NULL,  -- of compensation_case
    currency    text COLLATE "C" NOT NULL,  -- ISO 4217
    amount      bigint NOT NULL CHECK (amount > 0), -- smallest units
    state       text COLLATE "C" NOT NULL CHECK (state IN ('sent', 'paid', 'returned')), -- where it is
    reason      text COLLATE "C" NOT NULL,  -- of a return: the bank's code
    changed_ts  bigint NOT NULL             -- when it got into this state
);
CREATE INDEX payout_line_batch ON payout_line (batch_id, number);
CREATE INDEX payout_line_report ON payout_line (report_id);
-- No more than one payment to a report is under way.
CREATE UNIQUE INDEX payout_line_under_way ON payout_line (report_id, programme, currency)
    WHERE state = 'sent';

CREATE FUNCTION payout_check_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.line_id, OLD.batch_id, OLD.number, OLD.report_id, OLD.programme, OLD.currency,
        OLD.amount) IS DISTINCT FROM
       (NEW.line_id, NEW.batch_id, NEW.number, NEW.report_id, NEW.programme, NEW.currency,
        NEW.amount) OR (OLD.state, NEW.state) NOT IN
       (('sent', 'paid'), ('sent', 'returned'), ('paid', 'returned')) THEN
        RAISE EXCEPTION 'line % cannot change like this', OLD.line_id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER payout_line_changes BEFORE UPDATE ON payout_line
    FOR EACH ROW EXECUTE FUNCTION payout_check_change();
CREATE TRIGGER payout_line_fixed BEFORE DELETE OR TRUNCATE ON payout_line
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();

-- What banks answered, as it came: the same file once more changes nothing.
CREATE TABLE payout_result (
    sha256      bytea PRIMARY KEY,          -- of the file
    batch_id    text COLLATE "C" NOT NULL,  -- of which batch it speaks
    received_ts bigint NOT NULL,            -- when
    operator    text COLLATE "C" NOT NULL,  -- user id of who gave it in
    paid        integer NOT NULL,           -- lines that it said were paid
    returned    integer NOT NULL            -- lines that it said came back
);

CREATE TABLE recovery_party (
    party_id    text COLLATE "C" PRIMARY KEY, -- the subject of its account recovery:party_id
    name        text COLLATE "C" NOT NULL,  -- who is liable
    basis       text COLLATE "C" NOT NULL,  -- why: a contract, a judgement
    added_ts    bigint NOT NULL,            -- when it was first named
    operator    text COLLATE "C" NOT NULL   -- user id
);
