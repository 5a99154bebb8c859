"""What happened in a run, as data: events, the results folded from them, and their words."""
