"""Delivers notifications to people's pushers: from the log, never on the way of a send.

The owner of a room's partition looks at each of its events (`evaluator`): who of the room's members
has pushers (`audience`), and whom their rules notify. What is due goes to one lane a pusher
(`courier`), which tells a gateway or a mail server (`deliverer`, `gateway`, `emails`), and with it
how many rooms its owner has unread (`badges`). What a gateway does not take is kept in the
database, and it is asked again ever more rarely.

Nothing is skipped: a partition's cursor (`progress`) moves past an event only when each of its
notices was taken, given up for its age, or stored. After a crash the events past the cursor are
looked at again, so a gateway may hear of an event twice; it knows by the event id.

Spec: push gateway API; client-server API, "Push Notifications".
"""
