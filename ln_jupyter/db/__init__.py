"""A URL becomes an engine, a session spans a block; the only wing that knows engines."""
