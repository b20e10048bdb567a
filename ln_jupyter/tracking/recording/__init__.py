"""What a run does, written while it goes on by a thread beside its cells."""
