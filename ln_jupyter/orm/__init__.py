"""Sessions and records: what is written, what is undone, what is loaded, and what went wrong.

`session` is what records are read and written in, `current` which one a block has opened, `unit_of_work` a short one;
`routing` says which database a class leads to, `origins` where a record came from, `restrictions` and `refusals` what is
kept from it, `scalars` and `users` what it is given; `internals` has SQLAlchemy's private names.
"""
