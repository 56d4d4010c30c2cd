"""What the e2e tests, the chaos tests and the benchmark share: real processes, a lean client.

Everything here stands outside the server: it starts processes, kills them, and speaks the Matrix
client-server API. Nothing imports `bongsu`, so the same code drives any homeserver.
"""
