"""Which file is running, or what was tried to find it.

`find` finds it, `location` is what was found, `jupyter_server` says what the server does with it.
"""
