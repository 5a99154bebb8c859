"""Fetches the small public documents of identity providers: bounded in time and size."""

from __future__ import annotations

import asyncio
import re

from rocketship.auth.authenticator import PATIENCE_SECONDS
from rocketship.dataclass import dataclass
from rocketship.errors import Unavailable

MAX_DOCUMENT_BYTES = 512 * 1024
#: What is compressed has another size once it is not.
_HEADERS = {"accept": "application/json, */*", "accept-encoding": "identity"}
_MAX_AGE = re.compile(r'(?:^|[\s,])max-age\s*=\s*"?(\d{1,9})', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Document:
    """What was answered; `max_age` is how many seconds it may be kept, if the sender says so."""

    status: int
    body: bytes
    max_age: float | None = None


async def fetch(url: str) -> Document:
    """Return what is at an URL; redirects are not followed.

    Raises:
        Unavailable: Nothing answers in time, or too much.
    """
    import httpx2

    try:
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            httpx2.AsyncClient(headers=_HEADERS) as client,
            client.stream("GET", url) as response,
        ):
            body = b""
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_DOCUMENT_BYTES:
                    raise Unavailable(f"{url}: answers more than {MAX_DOCUMENT_BYTES} bytes")
            control = response.headers.get("cache-control", "")
            return Document(response.status_code, body, _max_age(control))
    except TimeoutError:
        raise Unavailable(f"{url}: no answer within {PATIENCE_SECONDS:.0f}s") from None
    except Unavailable:
        raise
    except Exception as error:  # of groups of exceptions, too, whatever the network comes up with
        reason = str(error) or type(error).__name__
        raise Unavailable(f"{url}: {reason}") from error


def _max_age(control: str) -> float | None:
    if re.search(r"\bno-(?:store|cache)\b", control, re.IGNORECASE):
        return 0.0
    match = _MAX_AGE.search(control)
    return float(match[1]) if match else None
