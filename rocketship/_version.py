"""The version as a literal: reading package metadata would cost 30 ms on every start."""

__version__ = "0.1.0"
