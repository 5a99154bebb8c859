"""The engine's API for browsers, which cannot speak gRPC: the same calls in gRPC-web."""
