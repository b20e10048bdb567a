"""Whether a database is a registry, and its keeping: made, migrated, backed up, moved.

`choose` finds the one that is meant, `check` makes or refuses it, `look` opens what is there; `schema_version`, `migrate`,
`backup`, `transfer`, `health` and `finding` keep it.
"""
