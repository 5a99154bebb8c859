"""The engine: runs created, recorded, watched and recovered, independent of any transport."""
