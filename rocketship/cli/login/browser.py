"""Opens a page where somebody can see it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress


def has_browser(environ: Mapping[str, str]) -> bool:
    """Return whether a page opened on this machine is likely to be seen by the person."""
    if environ.get("BROWSER"):
        return True
    if environ.get("SSH_CONNECTION"):
        return False
    return sys.platform == "darwin" or any(map(environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


def open_page(url: str) -> None:
    """Open a page without waiting for it; where that fails, the person still has the URL."""
    threading.Thread(target=_open, args=(url,), daemon=True).start()


def _open(url: str) -> None:
    # Browsers write to the terminal whatever comes to their mind.
    quiet = "import sys, webbrowser; webbrowser.open(sys.argv[1])"
    with suppress(OSError):
        subprocess.run(
            [sys.executable, "-c", quiet, url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
