-- The desk works as a role of its own, which can do nothing to the log and look at little of it.
-- Where the migrating user may not make roles, an administrator makes it once:
--     CREATE ROLE bongsu_desk NOLOGIN; GRANT bongsu_desk TO the user of BONGSU_DATABASE_URL;
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bongsu_desk') THEN
        BEGIN
            CREATE ROLE bongsu_desk NOLOGIN;
        EXCEPTION
            WHEN insufficient_privilege THEN RETURN;  -- then the desk works as its user
            WHEN duplicate_object OR unique_violation THEN NULL;  -- another was quicker
        END;
    END IF;

    IF NOT pg_has_role(current_user, 'bongsu_desk', 'MEMBER') THEN
        GRANT bongsu_desk TO CURRENT_USER;
    END IF;
    GRANT USAGE ON SCHEMA desk TO bongsu_desk;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA desk TO bongsu_desk;
    GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA desk TO bongsu_desk;

    -- What is written once is written for good.
    REVOKE UPDATE, DELETE, TRUNCATE ON desk.audit_entry FROM bongsu_desk;
    REVOKE UPDATE, DELETE, TRUNCATE ON desk.notice_update FROM bongsu_desk;
    REVOKE UPDATE, DELETE, TRUNCATE ON
        desk.report_version, desk.report_entry,
        desk.assessment, desk.assessment_file, desk.assessment_bulk FROM bongsu_desk;
    -- What is sealed may be sealed anew, and erased.
    GRANT UPDATE (name, contact, description, reckoning, payout) ON desk.report_version
        TO bongsu_desk;
    GRANT UPDATE (body) ON desk.report_entry TO bongsu_desk;
    REVOKE UPDATE, DELETE, TRUNCATE ON
        desk.programme_version, desk.programme_approval, desk.compensation_decision,
        desk.compensation_award, desk.grant_claim, desk.ledger_transfer, desk.ledger_entry,
        desk.payout_batch, desk.payout_result, desk.benefit_batch FROM bongsu_desk;
    -- Balances are kept by the ledger's own trigger.
    REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON desk.ledger_balance FROM bongsu_desk;

    REVOKE UPDATE, DELETE ON desk.machine_event, desk.investigation_item, desk.investigation_evidence,
        desk.investigation_publication, desk.measure_plan, desk.measure_change, desk.measure_proof,
        desk.drill_seen, desk.statement_version, desk.briefing_line FROM bongsu_desk;
    -- Whether the public may have a file is no part of the file's link.
    GRANT UPDATE (is_public, public_name, caption) ON desk.investigation_evidence TO bongsu_desk;

    -- Of the messenger: who an operator or a reporter is.
    GRANT SELECT ON public.account, public.short_token TO bongsu_desk;
END
$$;
