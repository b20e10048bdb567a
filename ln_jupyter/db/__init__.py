"""Engines, connections and transactions: what is sent to a database, and when it begins and ends.

`engines` makes them from URLs; `backends` says what a kind of database does its own way, `transactions` begins and
repeats, `read_only` and `marks` guard and watch; `limits`, `events`, `forks`, `interrupts`, `sql_text`, `internals`,
`driver` and `error_translation` help them and others.
"""
