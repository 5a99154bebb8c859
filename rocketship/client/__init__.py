"""How commands reach an engine: one port, with an engine in this process behind it."""
