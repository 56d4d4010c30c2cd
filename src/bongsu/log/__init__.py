"""The heart: one ordered log in 64 partitions, a single writer for each, followers everywhere.

    position    which partition a room or user lives in; vectors of positions
    entry       what the log holds, and the facts kept beside every room event
    proposal    what gateways ask a sequencer to append, and its request id
    batch       the rows of one transaction, filled by planners
    sequencer   orders proposals, commits them in groups, answers only after the commit
    ownership   who writes which partition: locks, epochs, handover
    placement   the Protocol by which they learn where owners may sit: beside the primary
    follower    applies durable entries in order and wakes who waits
    bus         the Protocol by which nodes hear of each other; it holds no truth
    gateway     brings a proposal to its sequencer, wherever that is
    intents     work over several partitions, carried out to its end whatever dies meanwhile

It promises: an entry that was shown or acknowledged is durable, has one position for ever, and is
applied by every follower in order. What it appends is the planners' business (`rooms`, `users`).
"""
