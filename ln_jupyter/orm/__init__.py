"""Sessions and records: what is written, what is undone, what is loaded, and what went wrong.

`session` is what records are read and written in, `current` which one a block has opened, `unit_of_work` a short one;
`origins` says where a record came from, `restrictions` and `refusals` what is kept from it, `scalars` and `users` what it
is given, `naming` which record is meant; `internals` has SQLAlchemy's private names.
"""
