-- Application services: how far each has been told of the log, and what it is being told now.

CREATE TABLE appservice (
    appservice_id text COLLATE "C" PRIMARY KEY, -- of its registration file
    incarnation text COLLATE "C" NOT NULL, -- of the log in which the positions lie
    positions bigint[] NOT NULL,           -- by partition: the last that it was told of, or needs not be
    last_txn bigint NOT NULL,              -- number of the last transaction; every change compares it
    pending_id text COLLATE "C",           -- id of that transaction until it is taken; then null
    pending bytea                          -- its body, likewise
);

-- Rooms that a service lists under a network it bridges to.
CREATE TABLE appservice_room (
    appservice_id text COLLATE "C" NOT NULL, -- who lists it
    network_id text COLLATE "C" NOT NULL,  -- under which of its networks
    room_id text COLLATE "C" NOT NULL,     -- the room
    PRIMARY KEY (appservice_id, network_id, room_id)
);
CREATE INDEX appservice_room_room ON appservice_room (room_id);
