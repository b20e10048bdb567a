"""What the command line, pages and displays read of a registry: plain values, in one or two statements each."""
