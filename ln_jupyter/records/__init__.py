"""Select, add, delete, load, view: one set of queries for notebooks, the command line and `ln.*`.

`session` opens a block, `statement` is what `select` returns, `write` adds and deletes, `load` loads, `view` looks,
`selection` selects.
"""
