"""What the command line reads of a registry, and pages and displays will.

`notebooks`, `runs`, `ids` and `sources` return plain values; `rows` reads, and knows what a column can hold.
"""
