"""What to type after an error that a missing session caused: `hints` adds it to the error."""
