-- The content repository. Rows only: the bytes lie in the sites' blob stores under their hash.

CREATE TABLE media (
    media_id text COLLATE "C" PRIMARY KEY, -- random, never computed from the content
    uploader text COLLATE "C" NOT NULL,    -- user id
    created_ts bigint NOT NULL,            -- when the id was made, ms
    expires_ts bigint,                     -- when a pending id is forgotten, ms; null if it never pended
    authenticated boolean NOT NULL,        -- false: also on the old endpoints, which ask for no token
    quarantined boolean NOT NULL DEFAULT false, -- true: served to nobody
    quarantined_by text COLLATE "C",       -- the administrator who did it; null: nobody, or an upload of the same bytes
    protected boolean NOT NULL DEFAULT false, -- true: stays when what is in a room or of a user is quarantined
    sha256 bytea,                          -- of the content; null while it is pending
    size bigint,                           -- of the content, bytes
    content_type text COLLATE "C",         -- as uploaded, if well formed, else application/octet-stream
    upload_name text COLLATE "C",          -- file name given with the upload
    sites text[] COLLATE "C",              -- whose blob stores hold the content
    CHECK ((sha256 IS NULL) = (size IS NULL) AND (sha256 IS NULL) = (content_type IS NULL))
);
CREATE INDEX media_pending ON media (uploader, expires_ts) WHERE sha256 IS NULL;
CREATE INDEX media_sha256 ON media (sha256) WHERE sha256 IS NOT NULL; -- who else names these bytes
CREATE INDEX media_uploader ON media (uploader, created_ts); -- for administrators

-- Bytes that were deleted just now: an upload of the same ones may have found them still there.
CREATE TABLE media_gone (
    sha256 bytea PRIMARY KEY,              -- of the deleted content
    gone_ts bigint NOT NULL                -- when, ms
);
