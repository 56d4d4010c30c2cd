"""Prevention: what is done so that it does not happen again, and the proof that it was done.

Owns measures, each with an owner, a date, the cause that it answers and the proof asked for; the
proofs, with their files; and what each drill came to.

Promises that a measure is closed by nothing but a proof that was read and holds, that a later
drill which fails opens it again, in whatever order they come in, and that nothing is overwritten.
"""
