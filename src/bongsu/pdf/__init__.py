"""PDF by fpdf2: reports for people who keep paper.

Promises that the text can be searched and copied, Korean too, that the font is embedded as far as
it is used, and that the same report gives the same bytes.
"""
