"""Damage reports: who was hit, by what, how badly; taken in whatever else is down.

Owns the report (its versions, evidence and conversation), the receipt number and the private
link, the marks by which look-alikes are found, and the facts that rules of compensation read.
Promises that a report answered with a receipt is on disk and reaches the database exactly once,
that nothing a reporter or an operator wrote is overwritten, and that what identifies a person is
sealed and can be erased.
"""
