"""SQLite: how its files are opened, locked, guarded and explained.

`backend` is chosen by `db.backends`. The registry, which may be a file, also uses `engine`, `errors` and `filesystems`;
profiles use `locks`.
"""
