-- Application services: how far each has been told of the log, and the rooms that it lists.

CREATE TABLE appservice (
    appservice_id text COLLATE "C" PRIMARY KEY,
    incarnation text COLLATE "C" NOT NULL,
    positions bigint[] NOT NULL,
    last_txn bigint NOT NULL,
    pending_id text COLLATE "C",
    pending bytea
);
CREATE TABLE appservice_room (
    appservice_id text COLLATE "C" NOT NULL,
    network_id text COLLATE "C" NOT NULL,
    room_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (appservice_id, network_id, room_id)
);
CREATE INDEX appservice_room_room ON appservice_room (room_id);
