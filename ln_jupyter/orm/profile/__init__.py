"""What a session sent to its database, and which of its loads came one by one or were not read."""
