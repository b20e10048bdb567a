"""What a session sent to its database, and which of its loads came one by one or were not read.

`recorder` listens and `model` is what it found; `lazy_loads` and `reads` count for every session.
"""
