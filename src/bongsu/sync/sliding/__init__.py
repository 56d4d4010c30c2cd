"""Simplified sliding sync (MSC4186): the rooms a client looks at first, then the others.

    request         what a client asks for, checked
    required_state  which state of a room it wants
    connection      what was sent on a connection, and the position that names it; connections
                    keeps that for every process
    room_list       the rooms of a person, the latest active first; filters chooses among them
    plan            lists, ranges and subscriptions turned into rooms to show
    rooms           rooms rendered; extensions: what else is; threads: who follows which
    service         the request that waits

It promises: a position and the answers that follow it show what changed in the rooms asked for, or
the rooms whole; the same position again gives the same again.
"""
