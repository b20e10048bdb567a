"""`publish()`: a version is checked, frozen and shown."""
