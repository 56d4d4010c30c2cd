-- People may have e-mail addresses.

CREATE TABLE threepid (
    medium       text COLLATE "C" NOT NULL,
    address      text COLLATE "C" NOT NULL,
    user_id      text COLLATE "C" NOT NULL,
    validated_at bigint NOT NULL,
    added_at     bigint NOT NULL,
    PRIMARY KEY (medium, address)
);
CREATE INDEX threepid_by_user ON threepid (user_id);
CREATE TABLE email_validation (
    sid          text COLLATE "C" PRIMARY KEY,
    purpose      text COLLATE "C" NOT NULL,
    secret_hash  bytea NOT NULL,
    address      text COLLATE "C" NOT NULL,
    token_hash   bytea,
    send_attempt bigint NOT NULL,
    expires_at   bigint NOT NULL,
    guesses      integer NOT NULL DEFAULT 0,
    validated_at bigint,
    UNIQUE (secret_hash, purpose, address)
);
CREATE INDEX email_validation_by_expiry ON email_validation (expires_at);
ALTER TABLE interactive_auth ADD COLUMN email text COLLATE "C";
