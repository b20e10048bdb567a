"""Which file is running: `find.find()` returns its `location.Location`, or says what was tried."""
