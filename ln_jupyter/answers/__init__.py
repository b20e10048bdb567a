"""Questions whose answers are values that show themselves: what is in them was read when they were asked.

`where` says which run made a file, and `words` how that is put; `lineage` says what led to what; `uses` is what a run
did with a file.
"""
