"""Measures what it costs to find out who is calling: by itself, and as a part of a call.

Times of the first kind are CPU of this process; calls are made to engines of their own, an open one
and a guarded one in turns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import grpc
from engine_process import start_engine
from joserfc import jwt
from joserfc.jwk import RSAKey
from row import Row

from rocketship.auth.authenticator import Authenticator, Verifier
from rocketship.auth.caller import Credentials, Kind
from rocketship.auth.jwks import read_keys
from rocketship.auth.oidc import OidcVerifier
from rocketship.auth.policy import Rule
from rocketship.auth.tokens import Tokens, TokenVerifier, generate_token, read_entries
from rocketship.settings.auth import OidcSettings
from rocketship.wire._generated import engine_pb2 as pb
from rocketship.wire._generated import engine_pb2_grpc as pb_grpc

AUDIENCE = "engine"
KEY = RSAKey.generate_key(2048, {"kid": "one"})
#: Rounds of calls to every engine in turns, and calls in each.
ROUNDS = 40
CALLS = 100


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a fraction of everything")
    measure(quick=parser.parse_args().quick)


def measure(*, quick: bool) -> None:
    """Print a table of all figures, row by row as they come."""
    print("| what | measured | target | |\n|---|--:|--:|---|")
    for row in (*_checks(2000 if quick else 20_000), *_calls(ROUNDS // 4 if quick else ROUNDS)):
        print(row, flush=True)


class Keys:
    """The issuer's key, at hand."""

    def __init__(self) -> None:
        self._keys = read_keys(_jwks())

    async def key(self, name: str | None) -> Any:
        return self._keys[name]


def _checks(count: int) -> Iterator[Row]:
    token = generate_token()
    for size in (1, 100):
        lines = [f"n{number}:{generate_token()}" for number in range(size - 1)]
        entries = read_entries("\n".join([*lines, f"ci:{token}"]), "bench", Kind.USER)
        name = f"token, {size} given out, CPU"
        limit = 10.0 if size == 1 else None
        yield Row(name, _each(TokenVerifier([Tokens(entries)]), [token] * count), "µs", limit)
    oidc = OidcVerifier(OidcSettings("https://login.example", AUDIENCE), Keys())
    known = _jwt("https://login.example", 0)
    yield Row("JWT seen before, CPU", _each(oidc, [known] * count), "µs", 10)
    new = [_jwt("https://login.example", number) for number in range(1, count // 20)]
    yield Row("JWT seen first, RS256, CPU", _each(oidc, new), "µs", 200)


def _each(verifier: Verifier, tokens: Sequence[str]) -> float:
    """Return the median of what a check takes, in microseconds of CPU, from ten parts."""
    authenticator = Authenticator([verifier])
    shown = [Credentials((f"Bearer {token}",)) for token in tokens]
    size = len(shown) // 10

    async def part(credentials: Sequence[Credentials]) -> float:
        begun = process_time()
        for item in credentials:
            await authenticator.admit(Rule.USER, item)
        return (process_time() - begun) / len(credentials) * 1e6

    async def parts() -> list[float]:
        return [await part(shown[at : at + size]) for at in range(0, size * 10, size)]

    return statistics.median(asyncio.run(parts()))


def _calls(rounds: int) -> Iterator[Row]:
    token = generate_token()
    with tempfile.TemporaryDirectory() as name, _issuer() as issuer:
        folder = Path(name)
        guards = {
            "token": {"ROCKETSHIP_ENGINE_TOKEN": token},
            "oidc": {"ROCKETSHIP_OIDC_ISSUER": issuer, "ROCKETSHIP_OIDC_AUDIENCE": AUDIENCE},
        }
        for mode, settings in guards.items():
            environment = {"ROCKETSHIP_AUTH_MODE": mode, **settings}
            shown = token if mode == "token" else _jwt(issuer, 0)
            with (
                start_engine(folder / f"{mode}-open", 1) as free,
                start_engine(folder / mode, 1, environment) as guarded,
            ):
                yield from _compared(mode, free.address, guarded.address, shown, rounds)


def _compared(mode: str, free: str, guarded: str, token: str, rounds: int) -> Iterator[Row]:
    metadata = (("authorization", f"Bearer {token}"),)
    addresses = [address.removeprefix("http://") for address in (free, guarded)]
    with grpc.insecure_channel(addresses[0]) as one, grpc.insecure_channel(addresses[1]) as other:
        callers = [_caller(channel, metadata) for channel in (one, other)]
        took: list[list[float]] = [[], []]
        for turn in range(rounds + 1):
            for found, call in zip(took, callers, strict=True):
                times = [call() for _ in range(CALLS)]
                # The first round warms up.
                found.extend(times if turn else ())
    open_us, guarded_us = (statistics.median(times) * 1e6 for times in took)
    yield Row(f"ListRuns, open, p50 (against {mode})", open_us, "µs")
    yield Row(f"ListRuns, {mode}, p50", guarded_us, "µs")
    yield Row(f"{mode} adds to a call", (guarded_us / open_us - 1) * 100, "%", 15)


def _caller(channel: grpc.Channel, metadata: Any) -> Callable[[], float]:
    stub = pb_grpc.EngineStub(channel)
    request = pb.ListRunsRequest(limit=1)

    def call() -> float:
        begun = perf_counter()
        stub.ListRuns(request, metadata=metadata)
        return perf_counter() - begun

    return call


def _jwt(issuer: str, number: int) -> str:
    now = int(time.time())
    claims = {"iss": issuer, "aud": AUDIENCE, "sub": "al", "exp": now + 3600, "jti": str(number)}
    return jwt.encode({"alg": "RS256", "kid": "one", "typ": "at+jwt"}, claims, KEY)


def _jwks() -> bytes:
    return json.dumps({"keys": [KEY.as_dict(private=False)]}).encode()


@contextmanager
def _issuer() -> Iterator[str]:
    """Serve the key for the duration; yields the issuer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            document = {"issuer": issuer, "jwks_uri": f"{issuer}/jwks"}
            body = _jwks() if self.path == "/jwks" else json.dumps(document).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    main()
