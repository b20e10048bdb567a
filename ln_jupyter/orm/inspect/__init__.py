"""What of a record is loaded, and which one it is, found without SQL.

`record` looks and returns values, `model` is what they are made of, `loading` and `paths` load what is missing, `columns`
says what a class maps, `naming` which record is meant.
"""
