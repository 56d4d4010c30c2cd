"""Statements: what the operator says in its own name, and briefings while they are held.

Owns apologies, hearings and answers, in several languages, each published version dated and linked
to the one before by its hash; and the live transcript of briefings.

Promises that what was published is never changed, only followed by a further version which shows
the difference, and that a transcript's line is corrected by a further line.
"""
