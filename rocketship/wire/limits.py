"""Sizes both ends of the wire agree on."""

from __future__ import annotations

#: The largest request an engine takes: a suite with the files it refers to.
MAX_REQUEST_BYTES = 16 * 1024 * 1024
