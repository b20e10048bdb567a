"""What the command line reads of a registry, and pages and displays will: plain values, by `notebooks`, `runs`, `ids`, `sources`."""
