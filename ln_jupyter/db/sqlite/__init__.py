"""SQLite: how its files are opened, locked, guarded and explained."""
