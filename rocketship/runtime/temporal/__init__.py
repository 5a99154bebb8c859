"""The runtime over Temporal: a workflow for each run, an activity for each of its units."""
