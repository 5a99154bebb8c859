"""Child processes: work that may never end is done where it can be ended."""
