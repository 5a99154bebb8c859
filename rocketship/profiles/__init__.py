"""Connection profiles: names for engines, kept in one file, and how a command chooses one."""
