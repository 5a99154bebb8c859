"""Which Temporal: how it is reached, why it refuses, and one of our own for development."""
