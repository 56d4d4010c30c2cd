"""Compensation: from damage reports to money on accounts, by rules that anyone can read.

Owns programmes of versioned rules, the dry run over all reports, the approval by two people, what
each report is given (and again, after an appeal), grants to all users, payout batches, and the
ledger with the claims on who is liable.

Promises that a version never changes and counts only once two others than its author approved its
very text, that what was decided stays visible when it is decided anew, that all money is in whole
numbers, that nothing is paid twice, and that the ledger sums to zero at every commit.
"""
