"""Select, add, delete, load, view: the one set of queries that every door uses."""
