"""Synapse's admin API, as far as the tools that people have for it need it.

Paths and shapes are Synapse's ("Admin API" in its documentation): for administrators of this
server only. What has no meaning here (shadow bans, user types, consents) is answered as unset.
"""
