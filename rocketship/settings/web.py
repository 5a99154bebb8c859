"""Settings of what browsers see."""

from __future__ import annotations

from rocketship.dataclass import dataclass
from rocketship.errors import SettingsError
from rocketship.settings.reader import PREFIX, Reader


@dataclass(frozen=True, slots=True)
class WebSettings:
    """What the HTTP port offers to browsers.

    Attributes:
        grpc_web: Whether browsers can call the API: `on`, `off`, or `auto`, the default, when its
            package is installed (ROCKETSHIP_GRPC_WEB).
        origins: Other sites whose pages may call it, such as `https://tools.example.org`, separated
            by commas (ROCKETSHIP_GRPC_WEB_ORIGINS).
    """

    grpc_web: bool | None = None
    origins: tuple[str, ...] = ()


def web_settings(reader: Reader) -> WebSettings:
    """Return the settings an environment describes.

    Raises:
        SettingsError: A value cannot be used.
    """
    word = reader.choice("GRPC_WEB", ("auto", "on", "off"), "auto")
    origins = reader.names("GRPC_WEB_ORIGINS")
    for origin in origins:
        scheme, separator, rest = origin.partition("://")
        if scheme not in ("http", "https") or not separator or not rest or "/" in rest:
            raise SettingsError(
                f"{PREFIX}GRPC_WEB_ORIGINS: {origin} is not an origin",
                hint="examples: https://tools.example.org, http://localhost:5173",
            )
    return WebSettings({"on": True, "off": False}.get(word), origins)
