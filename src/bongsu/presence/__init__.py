"""What is true only for a moment: who is typing, who is there.

Kept in memory and told to the other nodes over the bus, never on disk: a lost message or a restart
costs a refresh. Every node holds the same picture, give or take what the bus has lost, and times
everything out by its own clock. Limits bound each map; what no longer fits is not shown.
"""
