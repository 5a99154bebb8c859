"""Run results as files other programs read, and as the text of a failure for people."""
