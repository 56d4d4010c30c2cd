"""Requests to addresses that users gave: link previews, push gateways, application services.

The one way out, for whoever may choose where a server connects to, may let it speak to machines
behind its firewall (server-side request forgery). `addresses` says which addresses are the public
internet's, `connecting` asks it for each address that is really connected to, after DNS has been
asked and for every redirect anew, and `client` bounds what an answer may cost.
"""
