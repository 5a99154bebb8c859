"""Runs as one HTML page that needs nothing else: no server, no network, no JavaScript."""

from rocketship.reports.html.page import render

__all__ = ["render"]
