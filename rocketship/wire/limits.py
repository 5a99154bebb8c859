"""Sizes both ends of the wire agree on."""

from __future__ import annotations

#: The largest request an engine takes: a suite with the files it refers to.
MAX_REQUEST_BYTES = 16 * 1024 * 1024
#: How many texts a context may have beside those with a field of their own.
MAX_METADATA = 100
#: Of the name of a suite file, or of a file it refers to.
MAX_FILE_NAME_BYTES = 1000
MAX_FILES = 5000
MAX_IDEMPOTENCY_KEY_BYTES = 200
