"""One running node: the composition root, where every part gets what it depends on.

heart    the log: pen, sequencer, follower, ownership
people   accounts, sessions, devices, what belongs to one person
rooms    making, changing and reading rooms
content  the media repository
serving  all of them behind one HTTP server, started and stopped in order
"""
