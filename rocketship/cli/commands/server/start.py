"""Start a server for your runs on this machine.

While it runs, commands with the profile `local` use it: runs go on when their command has ended,
and the web pages show them. Examples: `rocketship start server -b`,
`rocketship start server --grpc-address 127.0.0.1:0 --http-address 127.0.0.1:0` for free ports.
"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from rocketship.cli.console import standard_console
from rocketship.settings.server import server_settings

BACKGROUND = Annotated[
    bool, typer.Option("--background", "-b", help="Return when it is ready, and leave it running.")
]
GRPC = Annotated[
    str, typer.Option("--grpc-address", metavar="HOST:PORT", help="Where to listen for gRPC.")
]
HTTP = Annotated[
    str, typer.Option("--http-address", metavar="HOST:PORT", help="Where to listen for browsers.")
]


def main(background: BACKGROUND = False, grpc_address: GRPC = "", http_address: HTTP = "") -> int:
    """Start a server for your runs on this machine."""
    from rocketship.cli.local_server.start import serve_here, serve_in_background

    console = standard_console()
    addresses = {
        "ROCKETSHIP_ENGINE_GRPC_ADDRESS": grpc_address,
        "ROCKETSHIP_ENGINE_HTTP_ADDRESS": http_address,
    }
    environ = {**os.environ, **{name: value for name, value in addresses.items() if value}}
    if not background:
        serve_here(console, environ)
        return 0
    server_settings(environ)
    record = serve_in_background(environ)
    console.print(f"The local server is ready: {record.grpc}, web pages at {record.http}.")
    console.note("Stop it with `rocketship stop server`; `rocketship server logs` shows its log.")
    return 0
