"""What of a record is loaded, found without SQL: `record.look()` and the values it returns."""
