"""The drill: load through every site, one site lost and returned, and a verdict on the promises.

It stands outside: a client of the client-server API like any other, that writes down what it was
promised. `travel` is a client that goes to another site when one fails; `load`, `readers` and
`uploads` are what clients do; all of them fill `Notes`. `timeline` and `watch` say what the parts
of the deployment did meanwhile. `ledger` and `verdict` are pure: what was written down goes in,
what was kept and what was broken comes out; `summary` and `page` show it.
"""
