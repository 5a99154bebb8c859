"""Runtimes: what carries units out and keeps them going when a process is lost."""
