"""The text of `config.toml`: strict when it is read, and always the same when it is written."""

from __future__ import annotations

import json
from dataclasses import fields

from rocketship.errors import SettingsError
from rocketship.profiles.model import LOCAL, Config, Profile, is_name
from rocketship.suite.problem import did_you_mean

_HEAD = "# Connection profiles; `rocketship profile` writes this file and keeps no comments.\n"
#: The keys of a profile are the options of the command line; its name is the table's.
PROFILE_KEYS = tuple(item.name for item in fields(Profile) if item.name != "name")
_ROOT_KEYS = ("active", "profiles")


def parse_config(text: str, file: str) -> Config:
    """Return the configuration a document holds.

    Raises:
        SettingsError: The document is not TOML, or has keys or values that mean nothing; the
            message begins with `file`.
    """
    import tomllib

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: {error}", hint="correct the line, or remove it") from None
    _check_keys(document, _ROOT_KEYS, file, "")
    tables = document.get("profiles", {})
    if not isinstance(tables, dict):
        raise SettingsError(f"{file}: profiles: expected tables such as [profiles.staging]")
    config = Config(profiles={name: _profile(name, table, file) for name, table in tables.items()})
    active = document.get("active", LOCAL)
    if active not in config.names:
        raise SettingsError(
            f"{file}: active: there is no profile {json.dumps(active, default=str)}",
            hint=did_you_mean(str(active), config.names) or f"known: {', '.join(config.names)}",
        )
    return config.use(active)


def format_config(config: Config) -> str:
    """Return the document of a configuration, profiles by name and only the keys that say much."""
    lines = [_HEAD, f"active = {_text(config.active)}\n"]
    for name, profile in sorted(config.profiles.items()):
        lines.append(f"\n[profiles.{_text(name) if '.' in name else name}]\n")
        values = ((key, getattr(profile, key)) for key in PROFILE_KEYS)
        lines += [
            f"{key} = {'true' if value is True else _text(value)}\n"
            for key, value in values
            if value
        ]
    return "".join(lines)


def _profile(name: str, table: object, file: str) -> Profile:
    where = f"profiles.{name}"
    if not is_name(name) or name == LOCAL:
        why = "is built in" if name == LOCAL else "is no name for a profile"
        raise SettingsError(f'{file}: {where}: "{name}" {why}', hint="give it another name")
    if not isinstance(table, dict):
        raise SettingsError(f"{file}: {where}: expected a table of keys")
    _check_keys(table, PROFILE_KEYS, file, f"{where}.")
    for key, value in table.items():
        kind = bool if key == "insecure_skip_verify" else str
        if type(value) is not kind:
            wanted = "true or false" if kind is bool else "text in quotes"
            raise SettingsError(f"{file}: {where}.{key}: expected {wanted}")
    if not table.get("engine"):
        raise SettingsError(
            f"{file}: {where}: the address is missing",
            hint='add a line such as engine = "grpcs://engine.example.com"',
        )
    return Profile(name, **table)


def _check_keys(table: dict[str, object], known: tuple[str, ...], file: str, where: str) -> None:
    for key in table:
        if key not in known:
            hint = did_you_mean(key, known) or f"known: {', '.join(known)}"
            raise SettingsError(f"{file}: {where}{key}: unknown key", hint=hint)


def _text(value: str) -> str:
    """Return a TOML string; JSON's escapes are TOML's, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
