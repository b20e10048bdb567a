"""Which registry a project may name.

`urls` reads database URLs, `registry_url` says what a project asks for, `lists` what is approved.
"""
