-- Keys of devices and people, messages to devices, backups of room keys. What is encrypted or
-- signed by clients is kept as they sent it. Locks are taken on the device, then on its keys.

CREATE TABLE device_key (
    user_id text COLLATE "C" NOT NULL,
    device_id text COLLATE "C" NOT NULL,
    key_json bytea NOT NULL,               -- the device's signed identity keys, canonical JSON
    PRIMARY KEY (user_id, device_id)
);

-- A claimed key stays a while, so that an upload repeated after it was claimed cannot bring it back.
CREATE TABLE one_time_key (
    user_id text COLLATE "C" NOT NULL,
    device_id text COLLATE "C" NOT NULL,
    algorithm text COLLATE "C" NOT NULL,   -- as signed_curve25519
    key_id text COLLATE "C" NOT NULL,      -- the part after the colon
    upload bigint NOT NULL,                -- number of the device's upload that brought it
    key_json bytea NOT NULL,               -- the key, canonical JSON
    claimed_at bigint,                     -- when it was handed out, ms; null: not yet
    PRIMARY KEY (user_id, device_id, algorithm, key_id)
);
CREATE INDEX one_time_key_unclaimed ON one_time_key (user_id, device_id, algorithm, upload, key_id)
    WHERE claimed_at IS NULL;

CREATE TABLE fallback_key (
    user_id text COLLATE "C" NOT NULL,
    device_id text COLLATE "C" NOT NULL,
    algorithm text COLLATE "C" NOT NULL,   -- one key each
    key_id text COLLATE "C" NOT NULL,      -- the part after the colon
    key_json bytea NOT NULL,               -- the key, canonical JSON
    is_used boolean NOT NULL DEFAULT false, -- handed out since it was uploaded
    PRIMARY KEY (user_id, device_id, algorithm)
);

CREATE TABLE cross_signing_key (
    user_id text COLLATE "C" NOT NULL,
    usage text COLLATE "C" NOT NULL,       -- master, self_signing, user_signing
    public_key text COLLATE "C" NOT NULL,  -- unpadded base64, as it stands in its key id
    key_json bytea NOT NULL,               -- the key as uploaded, canonical JSON
    PRIMARY KEY (user_id, usage)
);

-- Signatures uploaded after the key that they sign.
CREATE TABLE key_signature (
    user_id text COLLATE "C" NOT NULL,     -- whose key is signed
    key_id text COLLATE "C" NOT NULL,      -- device id or public master key
    signer text COLLATE "C" NOT NULL,      -- user id of who signs
    signer_key_id text COLLATE "C" NOT NULL, -- as ed25519:KEY
    signature text COLLATE "C" NOT NULL,   -- unpadded base64
    PRIMARY KEY (user_id, key_id, signer, signer_key_id)
);

-- Written by the owner of the user's partition, deleted once the device has said it has it.
CREATE TABLE to_device (
    user_id text COLLATE "C" NOT NULL,
    device_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,              -- of the entry in the user's partition
    seq integer NOT NULL,                  -- within the entry
    body bytea NOT NULL,                   -- JSON of the event as sync shows it
    PRIMARY KEY (user_id, device_id, position, seq)
);

CREATE TABLE key_backup (
    user_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,               -- 1, 2, 3, ...; deleted ones are not given again
    algorithm text COLLATE "C" NOT NULL,   -- as m.megolm_backup.v1.curve25519-aes-sha2
    auth_data bytea NOT NULL,              -- JSON object
    etag bigint NOT NULL DEFAULT 0,        -- grows with every change of a key
    key_count bigint NOT NULL DEFAULT 0,   -- keys in it
    is_deleted boolean NOT NULL DEFAULT false, -- its number stays taken
    PRIMARY KEY (user_id, version)
);

CREATE TABLE room_key (
    user_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,               -- of the backup
    room_id text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" NOT NULL,  -- megolm session
    first_message_index bigint NOT NULL,   -- the earliest message that the key opens
    forwarded_count bigint NOT NULL,       -- how often it was passed on
    is_verified boolean NOT NULL,          -- the device that backed it up had verified its source
    session_data bytea NOT NULL,           -- JSON object
    PRIMARY KEY (user_id, version, room_id, session_id)
);

CREATE TABLE dehydrated_device (
    user_id text COLLATE "C" PRIMARY KEY,  -- one each
    device_id text COLLATE "C" NOT NULL,
    device_data bytea NOT NULL             -- JSON object, encrypted by the client
);
