"""grpc, imported without its own log: what matters of that reaches people in our words.

grpc decides while it is imported whether it writes to stderr, so clients take it from here.
"""

from __future__ import annotations

import os

__all__ = ["grpc"]

_VERBOSITY = "GRPC_VERBOSITY"

if _VERBOSITY in os.environ:
    import grpc
else:
    os.environ[_VERBOSITY] = "NONE"
    import grpc

    # Programs that this process starts may have a grpc of their own.
    del os.environ[_VERBOSITY]
