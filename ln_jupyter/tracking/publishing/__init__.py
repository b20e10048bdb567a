"""`publish()`: a version is checked, frozen and shown.

`publish` is all that others use.
"""
