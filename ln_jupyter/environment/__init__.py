"""What this process is and runs in: its kernel, its end, installed packages and git; knows no database."""
