"""The same requests and checks as the suites, in the fewest lines of Python."""

from __future__ import annotations

import json
import sys
from io import BytesIO

import pycurl


def main(base: str, count: int) -> None:
    handle = pycurl.Curl()
    for number in range(count):
        body = BytesIO()
        handle.setopt(pycurl.URL, f"{base}/items/{number}")
        handle.setopt(pycurl.WRITEFUNCTION, body.write)
        handle.perform()
        assert handle.getinfo(pycurl.RESPONSE_CODE) == 200
        assert json.loads(body.getvalue())["status"] == "ok"


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
