"""What a notebook file says: its cells, title, identity, imports and parameters; knows no database.

`document` reads it; `identity`, `imports`, `parameters`, `syntax`, `sequence` and `script` say what is in it.
"""
