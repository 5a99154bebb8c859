"""Templates and queries: the one way suites compute values."""
