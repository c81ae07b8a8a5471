"""Measures Oyez against the physical limit, and against other systems, through the wire and the command line alone.

Run with `python -m bench`; README.md says what is measured and how. It must not know the inside of Oyez.
"""
