-- Previews of links, kept for everybody who sees the same link. Any row may be lost.

CREATE TABLE url_preview (
    url_hash   bytea PRIMARY KEY,          -- SHA-256 of the link
    properties bytea,                      -- JSON of its OpenGraph properties; null: could not be looked at
    media_id   text COLLATE "C",           -- the copy of its image, which goes when the row goes
    expires_ts bigint NOT NULL             -- from when on it is looked at anew, ms
);
CREATE INDEX url_preview_by_expiry ON url_preview (expires_ts);
