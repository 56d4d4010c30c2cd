-- Names of rooms, and the list of public ones. An alias is unique by its key alone.

CREATE TABLE alias (
    alias text COLLATE "C" PRIMARY KEY,    -- the whole alias, #name:server
    room_id text COLLATE "C" NOT NULL,     -- where it leads
    creator text COLLATE "C" NOT NULL      -- who made it
);
CREATE INDEX alias_room ON alias (room_id);

CREATE TABLE public_room (
    room_id text COLLATE "C" PRIMARY KEY   -- a room listed in the directory
);
