"""The suite language: from bytes in a file to a checked model, positions in every complaint."""
