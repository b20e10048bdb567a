"""Questions whose answers are values that show themselves: what is in them was read when they were asked.

`where` says which run made a file, its answers are of `provenance`, and `words` says how they are put; `lineage` says
what led to what, by a `lineage_value`; `uses` is what a run did with a file.
"""
