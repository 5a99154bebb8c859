"""A worker as a client of engines: plans come in, reports go out."""
