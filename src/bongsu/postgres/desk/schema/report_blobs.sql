-- Evidence by its content: who names it and who removes it lock the same row. See
-- desk.reports.blob_removal for what is promised.
CREATE TABLE report_blob (
    sha256          bytea PRIMARY KEY,      -- of the bytes; report_file names them
    ended_ts        bigint,                 -- since when perhaps no report needs it; NULL: one does
    removals        integer NOT NULL DEFAULT 0, -- how often its removal was begun
    claimed_until   bigint NOT NULL DEFAULT 0, -- a desk is removing it until then; 0: none has begun
    removed_ts      bigint                  -- when it was gone from every store; NULL: it may be there
);
CREATE INDEX report_blob_ended ON report_blob (ended_ts)
    WHERE ended_ts IS NOT NULL AND removed_ts IS NULL;
CREATE INDEX report_blob_removed ON report_blob (removed_ts) WHERE removed_ts IS NOT NULL;
