"""Engines, connections and transactions: what is sent to a database, and when it begins and ends."""
