"""A value becomes text and HTML; never with SQL.

`record`, `records`, `table`, `card`, `line` and `values` make views by `options`; `html` and `text` write them;
`sessions`, `statements` and `profile` are cards of these, and `registry` has those of the registry's own records.
"""
