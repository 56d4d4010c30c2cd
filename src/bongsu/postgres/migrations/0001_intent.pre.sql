-- Work over several rooms or users becomes rows of a table of its own.

CREATE TABLE intent (
    key text COLLATE "C" NOT NULL,
    intent_id bytea NOT NULL,
    kind text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    due bigint NOT NULL,
    PRIMARY KEY (key, intent_id)
);
CREATE INDEX intent_due ON intent (due);
CREATE UNIQUE INDEX intent_by_id ON intent (intent_id);

-- Of departures that are under way one more each: they may be repeated.
INSERT INTO intent
SELECT user_id, decode(md5(user_id), 'hex'), 'departure',
       convert_to(CASE WHEN is_erased THEN '{"erase":true}' ELSE '{"erase":false}' END, 'UTF8'), 0
  FROM account WHERE departure_due IS NOT NULL;
