"""The notebook becomes, and stays, a record."""
