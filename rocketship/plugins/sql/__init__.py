"""The `sql` plugin: statements on one connection to one of several kinds of databases."""
