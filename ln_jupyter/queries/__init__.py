"""What the command line reads of a registry, and pages and displays will.

`notebooks`, `runs`, `cells`, `files`, `lineage`, `ids`, `sources` and `differences` return plain values; `filters`
says which runs are wanted, and `progress` how far they came; `rows` reads, and knows what a column can hold.
"""
