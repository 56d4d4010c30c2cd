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

    -- Of the messenger: who an operator or a reporter is.
    GRANT SELECT ON public.account, public.short_token TO bongsu_desk;
END
$$;
