"""The spec's own data files held against a running server: what it answers, and what it is asked.

`MATRIX_SPEC_DIR` names a copy of the `data` folder of github.com/matrix-org/matrix-spec; nothing of
it is kept here.
"""
