"""What a process reads and writes, seen beside its work and never in its way; neither a database nor a setting is known here.

`watching` begins and ends it. `audit` sees what is opened, and `events` says it as others understand it; `workers` hands
on what workers open, and wrappers around functions of libraries what those open past Python; `access` says how. `ledger`
says what it comes to, `noise` what is left out, `hashing` what is in it, and `hash_queue` when that is found out. `fence` lets no error out.
"""
