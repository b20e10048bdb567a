"""SQLite: how its files are opened, locked, guarded and explained.

`backend` is chosen by `db.backends`. The registry, which may be a file, also uses `engine`, `errors`, `filesystems` and
`lock_owner`; profiles use `locks`.
"""
