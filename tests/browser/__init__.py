"""A package, so that one browser serves all of its modules, and ends before the other tests begin."""
