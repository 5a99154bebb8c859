"""The store of several engines: PostgreSQL, with notifications between them and leases."""
