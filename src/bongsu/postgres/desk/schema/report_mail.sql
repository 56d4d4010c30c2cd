-- E-mail to reporters. To whom is read from the report when the mail is sent, so nothing here names
-- anybody: an address that was amended is used as it is now, an erased one not at all.
CREATE TABLE report_mail (
    mail_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- also names it to the receiver
    report_id       text COLLATE "C" NOT NULL, -- whose reporter is told
    kind            text COLLATE "C" NOT NULL, -- reports.mailing.MailKind: what there is to see
    queued_ts       bigint NOT NULL,        -- when that was done, in the same transaction
    due_ts          bigint NOT NULL,        -- not before
    attempts        integer NOT NULL DEFAULT 0, -- that failed
    claimed_by      text COLLATE "C",       -- the desk that is at it
    claimed_until   bigint NOT NULL DEFAULT 0, -- then another may take it
    done_ts         bigint,                 -- when it was sent or given up
    outcome         text COLLATE "C"        -- reports.mailing.Outcome; NULL while it is due
);
CREATE INDEX report_mail_due ON report_mail (due_ts, mail_id) WHERE done_ts IS NULL;
CREATE INDEX report_mail_done ON report_mail (done_ts) WHERE done_ts IS NOT NULL;
