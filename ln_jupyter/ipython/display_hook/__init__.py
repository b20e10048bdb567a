"""How a shell displays records, and what gives them.

`hook` is all that others use.
"""
