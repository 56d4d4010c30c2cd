"""The rim inside one process: what other rims do over a network, done by a call."""
