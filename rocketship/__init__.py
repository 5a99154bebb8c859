"""Declarative end-to-end tests on an engine you host yourself."""

from rocketship._version import __version__

__all__ = ["__version__"]
