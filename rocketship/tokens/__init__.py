"""Logins of a person: how they are begun, kept, renewed and ended, whatever engine they are for."""
