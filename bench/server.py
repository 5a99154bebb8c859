"""A static HTTP server on a free loopback port: nginx where there is one, else a little asyncio.

Run as a program it is the latter, and prints its port.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

BODY = b'{"status":"ok","id":7,"name":"item","tags":["a","b"],"price":12.5,"stock":3}'
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)
_END_OF_HEAD = b"\r\n\r\n"
_NGINX_CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{}}
http {{
  access_log off;
  keepalive_requests 1000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      default_type application/json;
      return 200 '{body}';
    }}
  }}
}}
"""


@dataclass(frozen=True)
class Server:
    """What answers, and where."""

    kind: str
    url: str


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    """Run a server for the duration; `folder` takes its files."""
    nginx = shutil.which("nginx")
    if nginx is not None:
        port = _free_port()
        config = folder / "nginx.conf"
        config.write_text(_NGINX_CONFIG.format(folder=folder, port=port, body=BODY.decode()))
        command, kind = [nginx, "-p", str(folder), "-c", str(config)], "nginx"
    else:
        port, kind = 0, "asyncio"
        command = [sys.executable, __file__]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = port or int(process.stdout.readline())
        _wait_until_open(port)
        yield Server(kind, f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.communicate()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _wait_until_open(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            # Nothing tells that the server listens but an answer.
            time.sleep(0.01)


class _Static(asyncio.Protocol):
    """Answers every request head it sees, whatever it asks for."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._unread = b""

    def data_received(self, data: bytes) -> None:
        *heads, self._unread = (self._unread + data).split(_END_OF_HEAD)
        self._transport.write(_ANSWER * len(heads))


async def _main() -> None:
    server = await asyncio.get_running_loop().create_server(_Static, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_main())
