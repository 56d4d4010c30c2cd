"""The assessment of damage reports: what operators make of what people reported.

Owns the queue and its filters, decisions one by one and in bulk, clusters of look-alikes, the
statistics of the intake and the export. Promises that each decision is a new version with its
reason and its operator, that a decision on something that changed meanwhile is refused, and that
a bulk act ordered twice is carried out once.
"""
