"""The `sql` plugin: statements on one connection to PostgreSQL, MySQL, MariaDB or SQLite."""
