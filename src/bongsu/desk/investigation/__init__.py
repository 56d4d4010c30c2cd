"""Investigation: what happened and why, and the report that the public gets of it.

Owns the machine events that come in by themselves, and each case: its timeline, causes, factors,
questions and prose as items of which every version is kept, evidence under a chain of hashes,
interviews, drafts and published versions.

Promises that a published version never changes; that it was read and approved by another person
than its author; that nothing reaches it which is not marked as public, and of interviews nothing at
all; that each cause in it is tied to something that can be looked at.
"""
