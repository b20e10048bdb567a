"""Functions of libraries that read and write past Python's own `open`, wrapped when they are imported.

`wrappers` wraps what the table in `libraries` names, and `imports` says when a module was imported.
"""
