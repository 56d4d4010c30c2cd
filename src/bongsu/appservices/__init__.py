"""Application services: bridges and bots that the operator registered in files.

`registration` says what a file holds, `namespaces` whose names are whose, `services` finds the one
behind a token and guards its names, `acting` lets it act as its users. What it is told: `interest`
decides on each entry, `draft` gathers a transaction, `scanner` reads the log for it, `delivery`
brings it there, the same id with the same bytes until it is taken. `asking` and `thirdparty` are
the questions that the server puts to it. Spec: Application Service API.
"""
