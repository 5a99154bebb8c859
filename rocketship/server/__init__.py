"""The engine as a server: thin adapters over one RunService, and the life of the process."""
