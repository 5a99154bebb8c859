"""Reads single settings; errors name the variable and what it accepts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from rocketship.dataclass import dataclass
from rocketship.errors import SettingsError
from rocketship.values import DURATION_HELP, parse_duration

PREFIX = "ROCKETSHIP_"
MAX_PORT = 65_535
_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:\[\]/]+)):(?P<port>\d{1,5})")

_ADVERTISED = re.compile(
    r"(?:(?:grpcs?|https?)://)?(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?(?:/\S*)?"
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; `host` without brackets, port 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def refuse_unknown(environ: Mapping[str, str], prefix: str, names: Sequence[str]) -> None:
    """Check that everything of a prefix is read somewhere, apart from what Kubernetes sets.

    Raises:
        SettingsError: Nothing reads one of them; the hint is the nearest one that is read.
    """
    # What Kubernetes tells every container about a service of that name.
    service_link = re.compile(rf"{prefix}(?:SERVICE_(?:HOST|PORT.*)|PORT(?:_\d+_.*)?)")
    for name in sorted(environ):
        if not name.startswith(prefix) or name in names or service_link.fullmatch(name):
            continue
        import difflib

        near = difflib.get_close_matches(name, names, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(names)}"
        raise SettingsError(f"{name} is not a setting", hint=hint)


class Reader:
    """Reads variables by their name without the prefix; an empty value counts as unset."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str, default: str = "") -> str:
        return self._environ.get(PREFIX + name, "").strip() or default

    def integer(self, name: str, default: int, *, minimum: int, maximum: int | None = None) -> int:
        text = self.text(name)
        if not text:
            return default
        try:
            number = int(text)
        except ValueError:
            number = minimum - 1
        if number < minimum or (maximum is not None and number > maximum):
            limits = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
            raise SettingsError(f"{PREFIX}{name}={text}: expected a whole number {limits}")
        return number

    def choice(self, name: str, options: tuple[str, ...], default: str) -> str:
        text = self.text(name, default).lower()
        if text not in options:
            raise SettingsError(f"{PREFIX}{name}={text}: expected one of {', '.join(options)}")
        return text

    def flag(self, name: str) -> bool:
        return self.choice(name, ("true", "false"), "false") == "true"

    def duration(self, name: str, default: float) -> float:
        text = self.text(name)
        if not text:
            return default
        try:
            seconds = parse_duration(text)
        except ValueError:
            seconds = -1.0
        if seconds < 0:
            raise SettingsError(f"{PREFIX}{name}={text}: expected {DURATION_HELP}")
        return seconds

    def address(self, name: str, default: Address) -> Address:
        text = self.text(name)
        if not text:
            return default
        match = _ADDRESS.fullmatch(text)
        if match is None or int(match["port"]) > MAX_PORT:
            hint = "examples: 127.0.0.1:7700, 0.0.0.0:7700, [::]:7700"
            raise SettingsError(f"{PREFIX}{name}={text}: expected HOST:PORT", hint=hint)
        return Address(match["v6"] or match["host"], int(match["port"]))

    def advertised(self, name: str) -> str:
        """Return an address that clients are told to use."""
        text = self.text(name)
        if text and not _ADVERTISED.fullmatch(text):
            hint = "examples: grpcs://rocketship.example.com, https://rocketship.example.com:7701"
            raise SettingsError(f"{PREFIX}{name}={text}: expected a URL or HOST:PORT", hint=hint)
        return text

    def names(self, name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.text(name).split(",") if part.strip())

    def secret(self, name: str) -> str:
        """Return a secret given directly or, as NAME_FILE, by the path of a file that holds it."""
        path = self.text(f"{name}_FILE")
        if not path:
            return self.text(name)
        if self.text(name):
            raise SettingsError(f"{PREFIX}{name} and {PREFIX}{name}_FILE are both set; keep one")
        try:
            found = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{PREFIX}{name}_FILE={path}: cannot be read: {error}") from error
        if not found:
            raise SettingsError(f"{PREFIX}{name}_FILE={path}: the file is empty")
        return found
