"""What a notebook file says: its cells, title, identity, imports and parameters; knows no database."""
