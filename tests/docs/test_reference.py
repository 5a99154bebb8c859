"""The reference has everything there is, and is what the code says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest

from rocketship.auth.policy import ROUTES, Rule
from rocketship.cli.app import COMMANDS, build
from rocketship.errors import EXIT_CANCELLED, RocketshipError, SettingsError
from rocketship.plugins.registry import Registry
from rocketship.settings.engine import server_engine_settings
from rocketship.settings.server import server_settings
from rocketship.settings.temporal import temporal_settings
from rocketship.settings.tokens import token_settings
from rocketship.settings.worker import worker_settings
from rocketship.wire._generated.engine_pb2 import DESCRIPTOR
from tests.fixtures.documents import DOCS, ROOT, blocks, pages

REFERENCE = {page.stem: page.read_text("utf-8") for page in (DOCS / "reference").glob("*.md")}
CHART = json.loads((ROOT / "chart" / "values.schema.json").read_text("utf-8"))
#: What makes the readers of settings read all there are.
EVERYTHING_ON = {
    "ROCKETSHIP_AUTH_MODE": "token,oidc",
    "ROCKETSHIP_OIDC_ISSUER": "https://login.example.org",
    "ROCKETSHIP_OIDC_AUDIENCE": "engine",
    "ROCKETSHIP_BACKEND": "temporal",
    "ROCKETSHIP_ENGINE_TLS_CERT": "/tls/cert.pem",
    "ROCKETSHIP_ENGINE_TLS_KEY": "/tls/key.pem",
}


class Recorder(dict[str, str]):
    """An environment that remembers what was looked up."""

    def __init__(self, values: Mapping[str, str]) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)


def settings_read() -> set[str]:
    """Return the names of all variables that the product reads its settings from."""
    environ = Recorder(EVERYTHING_ON)
    readers = (server_engine_settings, server_settings, temporal_settings, token_settings)
    for read in (*readers, worker_settings):
        with suppress(SettingsError):
            read(environ)
    return {name for name in environ.asked if name.startswith("ROCKETSHIP_")}


def commands() -> Iterator[tuple[str, Any]]:
    root = build()
    for words, (module, _) in COMMANDS.items():
        if module:
            command = root
            for word in words.split():
                command = command.get_command(None, word)
            yield words, command


def errors(cls: type[RocketshipError] = RocketshipError) -> Iterator[type[RocketshipError]]:
    yield cls
    for below in cls.__subclasses__():
        yield from errors(below)


def section(page: str, heading: str) -> str:
    _, _, rest = page.partition(f"\n## {heading}\n")
    return rest.partition("\n## ")[0]


def test_pages_are_what_the_code_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from reference.pages import pages as made  # type: ignore[import-not-found]

    stale = [path for path, text in made().items() if path.read_text("utf-8") != text]

    assert stale == [], "run `make generate`"


def test_every_command_has_all_its_options() -> None:
    shared = section(REFERENCE["cli"], "Connection options")
    for words, command in commands():
        own = section(REFERENCE["cli"], f"rocketship {words}")
        assert own, words
        for parameter in command.params:
            for name in (*parameter.opts, *parameter.secondary_opts):
                if name.startswith("-"):
                    assert re.search(rf"[`, ]{name}[`, ]", own + shared), f"{words} {name}"


def test_every_setting_is_there() -> None:
    named = set(re.findall(r'<a id="[a-z_]+"></a>`(ROCKETSHIP_\w+)`', REFERENCE["settings"]))

    assert settings_read() - named == set()
    assert (
        written_in_the_code() - set(re.findall(r"`(ROCKETSHIP_\w+)`", REFERENCE["settings"]))
        == set()
    )


def written_in_the_code() -> set[str]:
    """Return the names that are looked up or set elsewhere, each of which is a text there."""
    texts = [path.read_text("utf-8") for path in (ROOT / "rocketship").rglob("*.py")]
    return set(re.findall(r'"(ROCKETSHIP_[A-Z_]*[A-Z])"', "".join(texts)))


def test_pages_name_only_variables_there_are() -> None:
    known = set(re.findall(r"ROCKETSHIP_\w+", REFERENCE["settings"]))
    known |= {name.rpartition("_")[0] + "_" for name in known} | {"ROCKETSHIP_UPDATE_GOLDEN"}
    scripts = re.compile(r"ROCKETSHIP_(?:SUM|VAR_\w+)")
    # These also name those of the original implementation, or saved values.
    others = {"compatibility", "coming-from-the-original", "scripts"}

    for page in (page for page in pages() if page.stem not in others):
        for name in re.findall(r"ROCKETSHIP_\w+", page.read_text("utf-8")):
            assert name in known or scripts.fullmatch(name), f"{page}: {name}"


def test_every_call_message_and_field_is_there() -> None:
    page = REFERENCE["api"]

    for method in DESCRIPTOR.services_by_name["Engine"].methods:
        assert f"`{method.name}` |" in page
    for message in DESCRIPTOR.message_types_by_name.values():
        text = page.partition(f"\n### {message.name}\n")[2].partition("\n### ")[0]
        assert text
        for field in message.fields:
            assert f"| `{field.name}` | {field.number} |" in text


def test_every_call_and_field_says_what_it_is() -> None:
    page = REFERENCE["api"]

    for method in DESCRIPTOR.services_by_name["Engine"].methods:
        assert re.search(rf"`{method.name}` \| [A-Z]", page), method.name
    for message in DESCRIPTOR.message_types_by_name.values():
        text = page.partition(f"\n### {message.name}\n")[2].partition("\n### ")[0]
        for field in message.fields:
            row = rf"\| `{field.name}` \| {field.number} \| [^|]+ \| \S"
            assert re.search(row, text), f"{message.name}.{field.name}"


def test_every_path_of_http_is_there() -> None:
    named = section(REFERENCE["api"], "HTTP").replace(":path}", "}")

    for path, rule in ROUTES.items():
        row = re.search(rf"`{re.escape(path.replace(':path}', '}'))}[`?].*\| (\w+) \|", named)
        assert row, path
        assert row[1] == {Rule.EXEMPT: "everybody", Rule.USER: "users"}[rule]


def test_every_error_code_and_exit_code_is_there() -> None:
    for cls in errors():
        if cls.code != "step":
            assert f'<a id="{cls.code}"></a>`{cls.code}`' in REFERENCE["error-codes"]
        assert f'<a id="exit-{cls.exit_code}"></a>' in REFERENCE["exit-codes"]
    assert f'<a id="exit-{EXIT_CANCELLED}"></a>' in REFERENCE["exit-codes"]


def test_every_value_of_the_chart_is_there() -> None:
    def leaves(schema: dict[str, Any], above: str = "") -> Iterator[str]:
        for key, value in schema["properties"].items():
            below = value.get("properties")
            yield from leaves(value, f"{above}{key}.") if below else [f"{above}{key}"]

    missing = [name for name in leaves(CHART) if f"`{name}` |" not in REFERENCE["chart-values"]]

    assert missing == []


def test_every_plugin_has_its_part() -> None:
    for name in Registry().names():
        assert f"\n## {name}\n" in REFERENCE["plugins"]


def test_commands_in_consoles_have_the_options_they_are_given() -> None:
    known = dict(commands())
    for page in pages():
        for block in blocks(page):
            if block.language not in ("console", "bash", "sh", "shell"):
                continue
            joined = block.text.replace("\\\n", " ")
            for line in re.findall(r"(?:^|[ /])rocketship ([a-z][^|;&#>\n]*)", joined, re.M):
                assert_known(known, line, block.place)


def test_commands_in_sentences_have_the_options_they_are_given() -> None:
    known = dict(commands())
    # This one also names commands of the original implementation.
    for page in (page for page in pages() if page.stem != "coming-from-the-original"):
        text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
        for line in re.findall(r"`(?:\w+=\S+ )*(?:\S+/)?rocketship ([a-z][^`|>]*)`", text):
            assert line.split()[0] in {name.split()[0] for name in known}, f"{page}: {line}"
            assert_known(known, line, str(page))


def assert_known(known: Mapping[str, Any], line: str, place: str) -> None:
    words = line.split()
    name = " ".join(words[:2]) if " ".join(words[:2]) in known else words[0]
    if name not in known:
        return  # a word in a sentence, or the name of something else
    names = {name for item in known[name].params for name in (*item.opts, *item.secondary_opts)}
    for word in words:
        if word.startswith("--"):
            option = word.partition("=")[0].rstrip(")\"'`")
            assert option in (*names, "--help", "--debug"), f"{place}: rocketship {line}"
