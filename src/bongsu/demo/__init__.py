"""The desk's whole story on one machine, as a client tells it: `bongsu desk demo`.

Owns the stage (a PostgreSQL and a desk of its own, in a folder of its own) and the chapters, from
the fire to the published report. What operators and reporters do goes through the pages that they
have; only the judging looks into the tables.

Promises that it ends well only when every chapter held.
"""
