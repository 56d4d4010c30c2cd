-- Departures are intents now. What the release before left to do goes over to them.

INSERT INTO intent
SELECT user_id, decode(md5(user_id), 'hex'), 'departure',
       convert_to(CASE WHEN is_erased THEN '{"erase":true}' ELSE '{"erase":false}' END, 'UTF8'), 0
  FROM account WHERE departure_due IS NOT NULL
ON CONFLICT DO NOTHING;

ALTER TABLE account DROP COLUMN departure_due;  -- and its index
