"""Accounts, sessions and what belongs to one person: profile, account data, filters, devices."""
