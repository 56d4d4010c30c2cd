"""The desk's tables: one store a table group, all in the schema `desk`.

Promises that all of one act, its audit entry included, is one transaction.
"""
