"""Logging in at a terminal, and telling whether somebody is logged in."""
