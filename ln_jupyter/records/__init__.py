"""Select, add, delete, load, view: one set of queries for notebooks, the command line and `ln.*`."""
