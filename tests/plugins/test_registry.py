"""The registry: built-ins from a table, others from entry points, and what is disabled."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from rocketship.errors import PluginError, SettingsError
from rocketship.plugins.registry import BUILT_IN, ENTRY_POINT_GROUP, Registry
from tests.plugins.distributions import install, install_example

ROOT = Path(__file__).parents[2]
GOOD = """
from rocketship.plugins import Object, Outcome, Plugin

class Tcp(Plugin):
    name = "tcp"
    summary = "Connects."
    config = Object()

    async def run(self, call):
        return Outcome()
"""


def test_built_ins_agree_with_the_entry_points_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"][ENTRY_POINT_GROUP] == BUILT_IN


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_get_of_a_built_in_returns_its_one_instance(name: str) -> None:
    registry = Registry()
    plugin = registry.get(name)
    assert plugin is not None
    assert plugin.name == name
    assert registry.get(name) is plugin


def test_get_of_an_unknown_name_returns_none() -> None:
    assert Registry().get("no-such-plugin") is None


def test_names_are_the_built_ins_and_on_demand_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_example(tmp_path, monkeypatch)
    registry = Registry()
    assert registry.names() == tuple(sorted(BUILT_IN))
    assert registry.names(third_party=True) == tuple(sorted([*BUILT_IN, "file_check"]))


def test_built_ins_need_no_package_metadata() -> None:
    program = (
        "import sys\n"
        "from rocketship.plugins.registry import Registry\n"
        "registry = Registry()\n"
        "assert registry.names() and registry.get('log') and registry.get('delay')\n"
        "print('importlib.metadata' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_third_party_cannot_take_the_place_of_a_built_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, {"log": "acme_log:Log"})
    registry = Registry()
    plugin = registry.get("log")
    assert type(plugin).__module__ == "rocketship.plugins.log"
    assert registry.names(third_party=True) == tuple(sorted(BUILT_IN))


@pytest.mark.parametrize(
    ("module", "value", "cause"),
    [
        ("import no_such_module", "acme_tcp:Tcp", "ModuleNotFoundError: No module named"),
        ("1 / 0", "acme_tcp:Tcp", "ZeroDivisionError: division by zero"),
        ("", "acme_tcp:Tcp", "AttributeError"),
        ("Tcp = object", "acme_tcp:Tcp", "acme_tcp:Tcp is not a subclass of Plugin"),
        (GOOD.replace('"tcp"', '"udp"'), "acme_tcp:Tcp", 'acme_tcp:Tcp has the name "udp"'),
    ],
)
def test_broken_third_party_plugin_is_named_with_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, value: str, cause: str
) -> None:
    install(tmp_path, monkeypatch, {"tcp": value}, name="acme-tcp", version="3.1")
    (tmp_path / "acme_tcp.py").write_text(module)
    monkeypatch.delitem(sys.modules, "acme_tcp", raising=False)
    with pytest.raises(PluginError) as caught:
        Registry().get("tcp")
    assert caught.value.message.startswith('the plugin "tcp" of acme-tcp 3.1 cannot be ')
    assert cause in caught.value.message


def test_plugin_of_two_distributions_names_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        site = tmp_path / str(number)
        install(site, monkeypatch, {"tcp": f"acme_{number}:Tcp"}, name=f"acme-{number}")
    with pytest.raises(PluginError) as caught:
        Registry().get("tcp")
    assert caught.value.message == 'the plugin "tcp" is provided by acme-1 1.0 and acme-2 1.0'


@pytest.mark.parametrize(
    ("disabled", "plugin", "config", "refusal"),
    [
        ([], "script", {"language": "shell"}, None),
        (["agent"], "script", {"language": "shell"}, None),
        (["script"], "script", {}, 'the plugin "script" is disabled here'),
        (["agent"], "agent", {}, 'the plugin "agent" is disabled here'),
        (["script.shell"], "script", {"language": "shell"}, '"script.shell" is disabled here'),
        (["script.shell"], "script", {"language": "python"}, None),
        (["script.shell"], "log", {"message": "x"}, None),
        (["log.info"], "log", {"level": "info"}, None),
        (
            ["script.shell"],
            "script",
            {"language": "{{ .vars.language }}"},
            '"language" must be written out: some of its values are disabled here',
        ),
    ],
)
def test_refusal_follows_what_is_disabled(
    disabled: list[str], plugin: str, config: dict[str, str], refusal: str | None
) -> None:
    assert Registry(disabled).refusal(plugin, config) == refusal


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("scirpt", 'did you mean "script"?'),
        ("script.shel", 'did you mean "script.shell"?'),
        ("log.info", "known: log"),
        ("zzz", "known: agent, browser_use, "),
    ],
)
def test_disabled_name_that_means_nothing_is_refused(name: str, hint: str) -> None:
    with pytest.raises(SettingsError, match=f'there is no "{name}"') as caught:
        Registry([name]).check_disabled()
    assert (caught.value.hint or "").startswith(hint)


def test_disabled_names_that_mean_something_are_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, {"tcp": "acme:Tcp"}, name="acme")
    Registry(["script.shell", "script.python", "log", "agent", "tcp"]).check_disabled()


CLOSING = """
from rocketship.plugins import Object, Outcome, Plugin

class First(Plugin):
    name = "first"
    summary = "Cannot be closed."
    config = Object()
    closed = []

    async def run(self, call):
        return Outcome()

    async def close(self):
        self.closed.append(self.name)
        raise RuntimeError(f"{self.name} cannot be closed")

class Second(First):
    name = "second"
"""


def test_close_reaches_every_plugin_although_one_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry_points = {"first": "acme_closing:First", "second": "acme_closing:Second"}
    install(tmp_path, monkeypatch, entry_points)
    (tmp_path / "acme_closing.py").write_text(CLOSING)
    registry = Registry()
    first = registry.get("first")
    registry.get("second")
    with pytest.raises(RuntimeError, match="cannot be closed"):
        asyncio.run(registry.close())
    assert sorted(vars(type(first))["closed"]) == ["first", "second"]
