"""The notebook becomes, and stays, a record: `header()`, `publish()`, `nb`."""
