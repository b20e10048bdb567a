"""A value becomes text and HTML; never with SQL."""
