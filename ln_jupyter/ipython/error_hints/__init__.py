"""What to type after an error that a missing session caused.

`hints` is all that others use.
"""
