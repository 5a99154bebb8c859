"""`rocketship profile …` against files of its own, and an engine where one is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.engine_process import EngineProcess
from tests.fixtures.workbench import Workbench


def say(bench: Workbench, *arguments: str, code: int = 0, **env: str) -> str:
    ended = bench.run("profile", *arguments, env=env)
    assert ended.code == code, ended.err
    return ended.err if code else ended.out


def test_profile_is_created_used_renamed_and_deleted(bench: Workbench):
    assert say(bench, "create", "lab", "lab.example.com", "--no-check") == (
        'Profile "lab" leads to grpc://lab.example.com:7700.\n'
    )
    say(bench, "use", "lab")
    assert say(bench, "list").splitlines() == [
        "  PROFILE  ENGINE",
        "  local    this machine",
        "* lab      grpc://lab.example.com:7700",
    ]
    say(bench, "rename", "lab", "lab.eu")
    assert say(bench, "delete", "lab.eu") == (
        'Profile "lab.eu" is removed; the active one is "local".\n'
    )


def test_url_and_options_become_the_profile(bench: Workbench):
    say(
        bench, "create", "p", "https://engine.example.com", "--port", "8443", "--no-check",
        "--ca-cert", "ca.pem", "--tls-server-name", "engine", "--use",
    )  # fmt: skip

    text = (Path(bench.environment["XDG_CONFIG_HOME"]) / "rocketship" / "config.toml").read_text()

    assert text.splitlines()[1:] == [
        'active = "p"',
        "",
        "[profiles.p]",
        'engine = "grpcs://engine.example.com:8443"',
        f'ca_cert = "{bench.folder / "ca.pem"}"',
        'tls_server_name = "engine"',
    ]


def test_existing_profile_is_replaced_only_by_force(bench: Workbench):
    say(bench, "create", "lab", "one", "--no-check")

    said = say(bench, "create", "lab", "two", "--no-check", code=2)
    assert 'there is a profile "lab" already: grpc://one:7700' in said
    say(bench, "create", "lab", "two", "--no-check", "--force")

    assert "grpc://two:7700" in say(bench, "list")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("create", "Lab", "h", "--no-check"), '"Lab" cannot be the name of a profile'),
        (("create", "local", "h", "--no-check"), "is built in"),
        (("create", "lab", "tcp://h", "--no-check"), 'the scheme "tcp" is unknown'),
        (("use", "lab"), 'there is no profile "lab"'),
        (("delete", "local"), "is built in"),
        (("rename", "local", "here"), "is built in"),
        (("show", "lab"), 'there is no profile "lab"'),
        (("show", "lab", "--profile", "lab"), "both name a profile"),
        (("lits",), 'did you mean "list"?'),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    bench: Workbench, arguments: tuple[str, ...], message: str
):
    assert message in say(bench, *arguments, code=2)


def test_engine_is_asked_before_a_profile_is_kept(bench: Workbench, shared_engine: EngineProcess):
    address = f"http://127.0.0.1:{shared_engine.grpc_port}"

    ended = bench.run("profile", "create", "lab", address)
    wrong = bench.run("profile", "create", "web", f"http://127.0.0.1:{shared_engine.http_port}")

    assert (ended.code, "The engine answers: version" in ended.err) == (0, True)
    assert wrong.code == 3
    assert "this is the port of its web pages" in wrong.err
    assert f"gRPC is on port {shared_engine.grpc_port}; --no-check adds" in wrong.err
    assert "web" not in say(bench, "list")


def test_show_tells_values_origins_and_the_engines_own_words(
    bench: Workbench, shared_engine: EngineProcess
):
    address = f"grpc://127.0.0.1:{shared_engine.grpc_port}"
    say(bench, "create", "lab", address, "--use")

    shown = say(bench, "show")
    explained = say(bench, "show", "--explain")
    given = say(bench, "show", "--explain", ROCKETSHIP_ENGINE=address)

    assert "Server Discovery:" in shown
    assert "Capabilities:   discovery.v2" in shown
    assert f'{address}  profile "lab"' in explained
    assert f"{address}  environment, ROCKETSHIP_ENGINE" in given


def test_show_of_an_engine_that_is_away_is_no_failure(bench: Workbench):
    say(bench, "create", "away", "engine.invalid", "--no-check")

    ended = bench.run("profile", "show", "away")

    assert ended.code == 0
    assert "Engine:           grpc://engine.invalid:7700" in ended.out
    assert 'the host name "engine.invalid" is unknown' in ended.err


def test_use_tells_what_comes_first(bench: Workbench):
    ended = bench.run("profile", "use", "local", env={"ROCKETSHIP_ENGINE": "h"})

    assert ended.err == "warning: ROCKETSHIP_ENGINE is set and comes first\n"


def test_file_of_the_original_tool_is_taken_over_and_said_so(bench: Workbench):
    folder = Path(bench.environment["XDG_CONFIG_HOME"]) / "Rocketship"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(
        '{"default_profile": "lab", "profiles": {"lab": {"engine_address": "lab:7700"}}}'
    )

    first, second = bench.run("profile", "list"), bench.run("profile", "list")

    assert "* lab      grpc://lab:7700" in first.out
    assert first.err == f"Took a profile over from {folder / 'config.json'}.\n"
    assert (second.out, second.err) == (first.out, "")
