"""PostgreSQL: how it is connected to, waited for and explained.

`backend` is chosen by `db.backends`; nothing else is for others.
"""
