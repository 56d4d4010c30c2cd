-- E-mail addresses of people, and how they are proved. Times are milliseconds since the Unix epoch.

CREATE TABLE threepid (
    medium       text COLLATE "C" NOT NULL,        -- email
    address      text COLLATE "C" NOT NULL,        -- in lower case; one account's alone
    user_id      text COLLATE "C" NOT NULL,        -- whose
    validated_at bigint NOT NULL,                  -- when it was proved
    added_at     bigint NOT NULL,                  -- when it was added to the account
    PRIMARY KEY (medium, address)
);
CREATE INDEX threepid_by_user ON threepid (user_id);

-- A link that was sent to an address, on the way to being opened.
CREATE TABLE email_validation (
    sid          text COLLATE "C" PRIMARY KEY,     -- random
    purpose      text COLLATE "C" NOT NULL,        -- add, password, register
    secret_hash  bytea NOT NULL,                   -- SHA-256 of the client's secret
    address      text COLLATE "C" NOT NULL,        -- where it was sent
    token_hash   bytea,                            -- SHA-256 of the link's token; null: none was sent
    send_attempt bigint NOT NULL,                  -- the client's number: a greater one sends again
    expires_at   bigint NOT NULL,
    guesses      integer NOT NULL DEFAULT 0,       -- wrong tokens so far
    validated_at bigint,                           -- when the link was opened; null: not yet
    UNIQUE (secret_hash, purpose, address)
);
CREATE INDEX email_validation_by_expiry ON email_validation (expires_at);
