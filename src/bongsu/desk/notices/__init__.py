"""Notices: what works, what does not, since when, and what is being done about it.

Owns services by site and their health (probed and by hand), incidents and planned work with their
updates, 90 days of uptime, subscriptions and their deliveries.

Promises that what was published is never silently changed, that a subscriber gets each update once
however many desks run, and that the board can be shown without a database: it is one value, kept in
memory and on disk.
"""
