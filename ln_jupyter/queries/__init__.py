"""What the command line reads of a registry, and pages and displays will.

`notebooks`, `runs`, `cells`, `ids`, `sources` and `differences` return plain values; `progress` says them in words;
`rows` reads, and knows what a column can hold.
"""
