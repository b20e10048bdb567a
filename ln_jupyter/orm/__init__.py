"""Sessions and records: what is written, what is undone, what is loaded, and what went wrong."""
