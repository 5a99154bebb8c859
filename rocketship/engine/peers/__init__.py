"""This process among those that use the same history: who carries which run out."""
