"""Sessions and records: what is written, what is loaded, and what went wrong."""
