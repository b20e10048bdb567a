"""What a process reads and writes, seen beside its work and never in its way; neither a database nor a setting is known here.

`access` says how a file was opened, `audit` sees what is opened, `wrappers` what libraries open past Python, `ledger` says
what it comes to, `hashing` what is in it.
"""
