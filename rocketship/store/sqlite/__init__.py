"""The store of one machine: a SQLite file, with one thread that writes and some that read."""
