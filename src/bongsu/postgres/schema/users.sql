-- People and their sessions. Times are milliseconds since the Unix epoch.
--
-- Tokens are kept only as SHA-256 hashes. A token is presented without a user, so the tables of
-- tokens are the exception to "keys begin with a room, user or partition": a hash spreads evenly
-- and is only ever looked up whole.
-- Locks are always taken in the order account, device, session.

CREATE TABLE account (
    user_id        text COLLATE "C" PRIMARY KEY,   -- @localpart:server_name
    password_hash  text COLLATE "C",               -- argon2id in PHC form; null: no password login
    is_guest       boolean NOT NULL DEFAULT false, -- registered with kind=guest
    is_admin       boolean NOT NULL DEFAULT false, -- may use /admin
    created_at     bigint  NOT NULL,
    locked_at      bigint,                         -- since when locked (401 M_USER_LOCKED)
    suspended_at   bigint,                         -- since when suspended (403 M_USER_SUSPENDED)
    deactivated_at bigint,                         -- since when gone for good; the name stays taken
    is_erased      boolean NOT NULL DEFAULT false  -- deactivated with erase=true
);

CREATE TABLE device (
    user_id              text COLLATE "C" NOT NULL,
    device_id            text COLLATE "C" NOT NULL,
    display_name         text COLLATE "C",         -- null: never named
    created_at           bigint NOT NULL,
    last_seen_ts         bigint,                   -- some minutes behind; null: never seen
    last_seen_ip         text COLLATE "C",
    last_seen_user_agent text COLLATE "C",
    PRIMARY KEY (user_id, device_id)
);

-- One row is a pair of an access and a refresh token. A refresh adds a row that names the one it
-- replaces; the replaced pair is revoked when the new one is first used.
CREATE TABLE session (
    access_hash  bytea PRIMARY KEY,                -- SHA-256 of the access token
    refresh_hash bytea,                            -- SHA-256 of the refresh token; null: has none
    user_id      text COLLATE "C" NOT NULL,
    device_id    text COLLATE "C" NOT NULL,
    expires_at   bigint,                           -- when the access token expires; null: never
    replaces     bytea,                            -- access_hash of the pair before; null once used
    is_replaced  boolean NOT NULL DEFAULT false    -- the pair after this one has been used
);
CREATE INDEX session_by_refresh_hash ON session (refresh_hash) WHERE refresh_hash IS NOT NULL;
CREATE INDEX session_by_device ON session (user_id, device_id);

-- Tokens of a short life: login tokens (used once) and OpenID tokens.
CREATE TABLE short_token (
    token_hash bytea PRIMARY KEY,                  -- SHA-256 of the token
    purpose    text COLLATE "C" NOT NULL,          -- login, openid, openid desk
    user_id    text COLLATE "C" NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX short_token_by_expires_at ON short_token (expires_at);
CREATE INDEX short_token_by_user ON short_token (user_id);

-- What an administrator hands out for m.login.registration_token.
CREATE TABLE registration_token (
    token        text COLLATE "C" PRIMARY KEY,     -- opaque identifier of up to 64 characters
    uses_allowed integer,                          -- null: any number
    uses         integer NOT NULL DEFAULT 0,       -- accounts made with it
    expires_at   bigint                            -- null: never
);

-- Sessions of user-interactive authentication, so that any node can continue one.
CREATE TABLE interactive_auth (
    owner              text COLLATE "C" NOT NULL,  -- user id, or '' where nobody is logged in
    session_id         text COLLATE "C" NOT NULL,  -- random
    operation          text COLLATE "C" NOT NULL,  -- verb and path it was begun for
    request_hash       bytea NOT NULL,             -- SHA-256 of the body without auth; or empty
    completed          text[] NOT NULL,            -- stages passed, in order
    registration_token text COLLATE "C",           -- the token of a passed registration_token stage
    email              text COLLATE "C",           -- the address proved by a passed email stage
    expires_at         bigint NOT NULL,
    PRIMARY KEY (owner, session_id)
);
CREATE INDEX interactive_auth_by_age ON interactive_auth (owner, expires_at);
