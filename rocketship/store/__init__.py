"""Where runs, their events and their checkpoints are kept."""
