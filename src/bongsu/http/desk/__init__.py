"""The desk's web face: pages for everybody and for operators, rendered here, no JavaScript needed.

`app` answers: it finds the endpoint, says who asks, checks what a form must carry, and bounds all
of it. Each area has a module that yields its endpoints, templates/<area>/ and texts/<area>.toml.
What the core says in English when it refuses has its Korean in sentences.toml.

Promises that every page comes in Korean and English, that a POST without the form's token changes
nothing, and that no page runs a script or style which is not a file of ours.
"""
