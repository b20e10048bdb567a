"""Which file is running, or what was tried to find it.

`find` finds it, `content` tells by what was executed which notebook it may be, `location` is what was found,
`jupyter_server` says what the server does with it.
"""
