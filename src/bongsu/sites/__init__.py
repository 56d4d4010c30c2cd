"""Real data centres: the files that each of them needs, from their names and addresses.

`bongsu site init` owns a folder: the description of the sites, their certificate authority, the
secrets that they share, and for each site what belongs into /etc. Run again it changes nothing that
was not asked for: the authority and the secrets stay, and a file edited by hand is not overwritten.
"""
