"""The tables of docs/reference, made from the code, comments and docstrings they describe."""
