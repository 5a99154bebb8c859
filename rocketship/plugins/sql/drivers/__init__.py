"""One module for each kind of database; none is loaded before a step needs it."""
