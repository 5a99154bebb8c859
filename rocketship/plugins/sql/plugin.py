"""The `sql` plugin: its configuration, and one attempt of one step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from rocketship.errors import ConfigError, PluginError
from rocketship.plugins.api import Call, Finding, Observable, Outcome, Plugin
from rocketship.plugins.sql import observables
from rocketship.plugins.sql.database import Database
from rocketship.plugins.sql.dsn import DRIVERS, Dsn, open_database
from rocketship.plugins.sql.result import Results
from rocketship.plugins.sql.session import Order, Turns, carry_out
from rocketship.plugins.sql.split import split
from rocketship.plugins.sql.statement import only_reads, used_names
from rocketship.suite.fields import (
    AnyJson,
    Boolean,
    Choice,
    Duration,
    Field,
    FilePath,
    ListOf,
    MapOf,
    Object,
    Text,
    has_template,
)
from rocketship.template.render import render_text
from rocketship.values import Json, JsonObject, to_json

#: More of a file is not shown in reports.
MAX_SHOWN_STATEMENTS = 20


class Sql(Plugin):
    """Runs statements in order, on one connection that lives as long as the step."""

    name: ClassVar[str] = "sql"
    summary: ClassVar[str] = "Runs SQL statements and checks what they return."
    variant: ClassVar[str | None] = "driver"
    config: ClassVar[Object] = Object(
        Field("driver", Choice(DRIVERS), "Which kind of database it is.", required=True),
        Field(
            "dsn",
            Dsn(),
            "Where it is. postgres: a postgres:// URL or key=value words; mysql: "
            "user:password@tcp(host:port)/name or a mysql:// URL; sqlite: a path relative to the "
            "suite, a file: URI, or :memory:; sqlserver: a sqlserver:// URL with ?database=name.",
            required=True,
        ),
        Field(
            "commands",
            ListOf(Text(empty=False), at_least=1),
            "The statements. Each entry is one query for assertions and saves.",
        ),
        Field(
            "file",
            FilePath(),
            "A file of statements, separated by semicolons (for sqlserver by lines GO, too); "
            "routine bodies stay in one piece.",
        ),
        Field("template", Boolean(), "Fill in the templates in the file.", default=False),
        Field(
            "params",
            MapOf(AnyJson()),
            "Values for :name in the statements, bound and never pasted; lists and mappings "
            "arrive as JSON text.",
            default={},
        ),
        Field("transaction", Boolean(), "All statements take effect or none.", default=False),
        Field(
            "timeout",
            Duration(),
            "The longest that connecting (10s unless set) and each query may take; a query that "
            "takes longer is ended on the server too.",
        ),
        exactly_one=[("commands", "file")],
    )
    assertions: ClassVar[Mapping[str, Observable]] = observables.ASSERTIONS
    saves: ClassVar[Mapping[str, Observable]] = observables.SAVES

    def __init__(self) -> None:
        self._turns = Turns()

    async def run(self, call: Call) -> Outcome:
        database = open_database(call.config["driver"], call.config["dsn"], call.workdir)
        commands = _commands(call, database.dialect)
        _check_params(call.config["params"], commands, database.dialect)
        order = Order(
            commands=commands,
            params={name: _bindable(value) for name, value in call.config["params"].items()},
            transaction=call.config["transaction"],
            timeout=call.config["timeout"],
            keep_going="success_count" in call.asserted,
        )
        results = Results()
        async with self._turns.turn():
            failure = await carry_out(database, order, results)
        for number, query in enumerate(results.queries):
            if query.truncated:
                kept = f"{len(query.rows)} of {query.row_count} rows of query {number} were kept"
                call.log(f"the result is too large: {kept}", level="warn", source="sql")
        return Outcome(
            subject=results if results.queries else None,
            secrets=database.secrets,
            request=_request(call, database, commands),
            response=results.describe() if results.queries else None,
            timings={"connect": results.connection_seconds},
            failure=failure,
        )

    def check(self, config: Mapping[str, Json]) -> Iterable[Finding]:
        driver, dsn = config.get("driver"), config.get("dsn")
        if driver not in DRIVERS or not isinstance(dsn, str) or has_template(dsn) or not dsn:
            return
        try:
            open_database(str(driver), dsn, ".")
        except ConfigError as error:
            yield Finding(("dsn",), error.message.removeprefix("dsn: "), error.hint)
        except PluginError:
            # The driver is missing here, which says nothing about the engine that will run it.
            return

    def replay_safe(self, config: Mapping[str, Any]) -> bool:
        dialect = _dialect(config["driver"])
        return bool(config["commands"]) and all(
            only_reads(sql, dialect)
            for command in config["commands"]
            for sql in split(command, dialect)
        )


def _dialect(driver: str) -> str:
    return "mysql" if driver == "mariadb" else driver


def _commands(call: Call, dialect: str) -> list[str]:
    given: list[str] | None = call.config["commands"]
    if given is not None:
        for index, command in enumerate(given):
            if not split(command, dialect):
                raise ConfigError(f"commands[{index}]: there is no statement in it")
        return [command.strip() for command in given]
    path = call.config["file"]
    try:
        text = call.files.read(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"file: {path} is not UTF-8 text ({error.reason})") from None
    if call.config["template"]:
        text = render_text(text, call.scope, path)
    statements = split(text, dialect)
    if not statements:
        raise ConfigError(f"file: there is no statement in {path}")
    return statements


def _check_params(params: Mapping[str, Json], commands: Iterable[str], dialect: str) -> None:
    if not params:
        return
    used = {name for command in commands for name in used_names(command, dialect)}
    for name in params:
        if name not in used:
            raise ConfigError(
                f"params.{name}: no statement has :{name}", hint="write it outside of quotes"
            )


def _bindable(value: Json) -> Json:
    return to_json(value) if isinstance(value, list | dict) else value


def _request(call: Call, database: Database, commands: list[str]) -> JsonObject:
    request: JsonObject = {"database": database.label}
    for key in ("file", "params", "transaction"):
        if call.config[key]:
            request[key] = call.config[key]
    request["body"] = ";\n".join(_shown(commands))
    return request


def _shown(commands: list[str]) -> Iterator[str]:
    yield from (command.rstrip().rstrip(";") for command in commands[:MAX_SHOWN_STATEMENTS])
    if (rest := len(commands) - MAX_SHOWN_STATEMENTS) > 0:
        yield f"-- and {rest} more"
