"""Rooms: what an event is and which ones a room lets in. Pure: no await, clock, random or SQL.

    draft ──auth_event_keys──▶ state it leans on ──authorise──▶ may it? ──build_event──▶ Event

Owns the rules of room versions 10, 11 and 12: canonical JSON, event ids, redaction, power levels,
authorisation, history visibility, and what a new room is made of. It promises that the same input
gives the same answer on every node and for ever, since event ids and permissions depend on it.
"""
