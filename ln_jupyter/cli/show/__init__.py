"""`ln-jupyter show`: all that is known of one notebook or run.

`command` is the command; `notebook`, `run` with its `timeline`, and `executed` are what it shows.
"""
