"""Checking requests and responses against an OpenAPI description."""
