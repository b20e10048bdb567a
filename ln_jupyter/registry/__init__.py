"""Whether a database is a registry, and its keeping: made, migrated, backed up, moved."""
