"""The commands for the server on this machine."""
