-- What was sent on the connections of sliding sync. Losing a row costs its client a first sync.

CREATE TABLE sliding_connection (
    user_id   text COLLATE "C" NOT NULL,   -- whose
    device_id text COLLATE "C" NOT NULL,   -- on which device
    conn_id   text COLLATE "C" NOT NULL,   -- name that the client gave the connection; '' for none
    mark      bytea NOT NULL,              -- fingerprint of the state, as positions carry it
    state     bytea NOT NULL,              -- sync.sliding.connection.encode_state
    used_ts   bigint NOT NULL,             -- when it was last written or built on, ms since 1970
    PRIMARY KEY (user_id, device_id, conn_id, mark)
);
