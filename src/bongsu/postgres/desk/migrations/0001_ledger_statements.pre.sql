-- The ledger is checked once a statement, not once an entry, and what accounts hold that may not
-- fall below zero is kept beside it. The release before adds its entries by such statements too.

LOCK TABLE ledger_transfer, ledger_entry IN SHARE ROW EXCLUSIVE MODE;

DROP TRIGGER ledger_entry_in_time ON ledger_entry;
DROP TRIGGER ledger_entry_balanced ON ledger_entry;
DROP TRIGGER ledger_entry_not_negative ON ledger_entry;
DROP TRIGGER ledger_transfer_balanced ON ledger_transfer;
DROP FUNCTION ledger_refuse_late_entry();
DROP FUNCTION ledger_check_balance();
DROP FUNCTION ledger_check_not_negative();

-- A temporary table of a name of ours is none of ours.
ALTER FUNCTION check_approval() SET search_path FROM CURRENT;

-- What is owed, under way, returned or claimed: accounts that never hold less than nothing. Their rows
-- are the locks by which two that draw on one account at once wait for each other.
CREATE TABLE ledger_balance (
    account     text COLLATE "C" NOT NULL,  -- payable, transit, returned or recovery
    unit        text COLLATE "C" NOT NULL,  -- as in its entries
    amount      bigint NOT NULL,            -- the sum of its entries
    PRIMARY KEY (account, unit)
);

INSERT INTO ledger_balance
SELECT account, unit, sum(amount)::bigint FROM ledger_entry
 WHERE account ~ '^(payable|transit|returned|recovery):' GROUP BY account, unit;

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
