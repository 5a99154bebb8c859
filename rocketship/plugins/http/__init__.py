"""The `http` plugin: one request, its redirects, and everything observable about the answer."""
