"""Which file is running, what it says, who it is, and which process runs it; knows no database."""
