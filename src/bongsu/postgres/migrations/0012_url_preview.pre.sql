-- Previews of links are kept for a while.

CREATE TABLE url_preview (
    url_hash   bytea PRIMARY KEY,
    properties bytea,
    media_id   text COLLATE "C",
    expires_ts bigint NOT NULL
);
CREATE INDEX url_preview_by_expiry ON url_preview (expires_ts);
