"""What of a record is loaded, found without SQL.

`record` looks and returns values, `model` is what they are made of, `loading` and `paths` load what is missing, `columns`
says what a class maps.
"""
