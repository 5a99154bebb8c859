"""Reading a description: one document, or several that refer to one another."""
