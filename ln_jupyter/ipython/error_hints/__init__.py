"""What is shown of an error: the user's own lines, and what to type after one that a missing session caused.

`hints` and `folding` are all that others use.
"""
