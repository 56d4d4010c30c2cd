"""Finding messages by what they say: terms, the index, and answers of /search.

It owns no truth: the index follows the log and can be made from it anew. It promises that nobody
finds what they may not see, that a redaction takes a text out of the index, and that a search of
any wording over any number of messages does a bounded amount of work.
"""
