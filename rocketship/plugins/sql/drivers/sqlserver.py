"""SQL Server, by python-tds; values are the text that the server prints, but for numbers.

The cursors of python-tds stop at the first error of a batch, forget which of the counts are of
changes and cut times to microseconds. So its requests and its reading of types are used, and what
comes back is taken here, token by token.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Iterator, Sequence
from functools import cache, partial
from threading import Event
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from rocketship.errors import ConfigError, ConnectionFailed, DatabaseError, PluginError, StepError
from rocketship.plugins.sql.database import Connection, Database, with_label
from rocketship.plugins.sql.drivers.tds_channel import Channel, Encryption
from rocketship.plugins.sql.drivers.tds_values import TOO_LARGE, Column, read_collation
from rocketship.plugins.sql.result import MAX_VALUE_BYTES, Query, Room
from rocketship.values import Json

_LOG = "the server's log tells why"
_HINT = "write sqlserver://user:password@host:port?database=name"
_PORT = 1433
#: How long the server has to end a statement, in seconds.
CANCEL_SECONDS = 2.0
#: A gateway sends a client on to the server it means; who is sent on and on goes in circles.
MAX_ADDRESSES = 3
#: Messages above it are errors.
_INFORMATION = 10
#: "The statement has been terminated", which only ever follows the reason.
_TERMINATED = 3621
#: A DONE token: status, command and count.
_DONE = struct.Struct("<HHQ")
_MORE, _COUNTED = 0x01, 0x10
_SELECT = 0xC1
#: The largest number that the server has a type for is below it.
_TOO_MANY_DIGITS = 10**38

#: What to do about errors, by their numbers.
_HINTS = {
    208: "create it in an earlier step, or check the name of the database in the dsn",
    911: "check the name of the database",
    916: "the user may not use this database",
    1205: "another connection held what it needed; use `retry`",
    4060: "check the name of the database in the dsn, and that the user may use it",
    18456: "check user and password in the dsn",
    18470: "the account is disabled; check the user in the dsn",
    18486: "the account is locked out; check user and password in the dsn",
    18487: "the password has expired; change it on the server",
    18488: "the password must be changed on the server first",
}

_YES = ("true", "1", "t", "yes", "mandatory")
_NO = ("false", "0", "f", "no", "optional")
#: Parameters of a DSN that only tune the client that the original used.
_WITHOUT_EFFECT = frozenset(
    {"connection timeout", "dial timeout", "keepalive", "log", "packet size", "workstation id"}
)


class SqlServer(Database):
    """What a `sqlserver://` URL says."""

    dialect: ClassVar[str] = "sqlserver"

    def __init__(self, dsn: str, secrets: tuple[str, ...]) -> None:
        try:
            url = urlsplit(dsn)
            self._host, self._port = url.hostname or "localhost", url.port or _PORT
        except ValueError:
            raise ConfigError("dsn: not one of SQL Server", hint=_HINT) from None
        if url.scheme not in ("sqlserver", "mssql"):
            raise ConfigError("dsn: not one of SQL Server", hint=_HINT)
        if url.path.strip("/"):
            hint = f"{_HINT}, with the port of the instance"
            raise ConfigError("dsn: an instance has to be named by its port", hint=hint)
        options = _options(url.query)
        self._database = options.pop("database", "")
        self._user = unquote(url.username or "") or options.pop("user id", "")
        self._password = unquote(url.password or "") or options.pop("password", "")
        self._application = options.pop("app name", "rocketship")
        self._encryption = _encryption(options)
        if "\\" in self._user:
            hint = "use a login of SQL Server's own"
            raise ConfigError("dsn: Windows logins are not supported", hint=hint)
        self.secrets = (*secrets, *filter(None, [self._password]))
        self.label = f"sqlserver {self._host}:{self._port}/{self._database}"
        _library()

    def connect(self, timeout: float) -> SqlServerConnection:
        try:
            return self._log_in(timeout)
        except ConnectionFailed as error:
            raise with_label(self.label, error) from error
        except (OSError, UnicodeError) as error:
            message, hint = _explain(error)
            raise ConnectionFailed(f"{self.label}: {message}", hint=hint) from error

    def _log_in(self, timeout: float) -> SqlServerConnection:
        host, port = self._host, self._port
        for _ in range(MAX_ADDRESSES):
            channel = Channel(host, port, self._encryption, timeout)
            try:
                session, route = self._introduce(channel, host)
            except BaseException:
                channel.close()
                raise
            if route is None:
                channel.settimeout(None)
                return SqlServerConnection(session, channel)
            channel.close()
            host, port = route["server"], route["port"]
        raise ConnectionFailed("the server sends on to other servers without end")

    def _introduce(self, channel: Channel, host: str) -> tuple[Any, Any]:
        """Log in, and return the session and, if it is elsewhere, where the database is."""
        pytds = _library()
        server = pytds.tds_socket._TdsSocket(sock=channel, login=self._login(host), autocommit=True)
        session = server.main_session
        # The channel has done it.
        session.send_prelogin = session.process_prelogin = lambda login: None
        session._reader.get_collation = partial(read_collation, session._reader)
        try:
            return session, server.login()
        except (pytds.Error, ValueError, struct.error) as error:
            told = _reported(session)
            message, hint = (told.message, told.hint) if told else (str(error), _LOG)
            raise ConnectionFailed(message, hint=hint) from error

    def _login(self, host: str) -> Any:
        pytds = _library()
        login = pytds.tds_base._TdsLogin()
        login.client_host_name = socket.gethostname()[:128]
        login.client_lcid = pytds.lcid.LANGID_ENGLISH_US
        login.option_flag2 = pytds.tds_base.TDS_ODBC_ON
        login.bytes_to_unicode = True
        login.app_name = self._application
        login.server_name = host
        login.database = self._database
        login.user_name, login.password = self._user, self._password
        return login


class SqlServerConnection(Connection):
    """A connection; every statement is its own transaction unless one was begun."""

    placeholder: ClassVar[str] = "@bound"
    begin: ClassVar[str] = "BEGIN TRANSACTION"
    # Many errors have ended the transaction already.
    rollback: ClassVar[str] = "IF @@TRANCOUNT > 0 ROLLBACK"

    def __init__(self, session: Any, channel: Channel) -> None:
        self._session = session
        self._channel = channel
        self._at_rest = Event()
        self._at_rest.set()
        self._over = False
        self._too_large: str | None = None

    def execute(self, sql: str, values: Sequence[Any], query: Query, room: Room) -> None:
        pytds = _library()
        self._at_rest.clear()
        self._over, self._too_large = False, None
        try:
            self._send(sql, values)
            self._take(query, room)
        except (pytds.Error, OSError, UnicodeDecodeError, struct.error) as error:
            raise self._lost(error) from error
        finally:
            self._at_rest.set()
        if failure := _reported(self._session):
            raise failure
        if self._too_large is not None:
            raise DatabaseError(
                f"a value of column {self._too_large} is larger than {MAX_VALUE_BYTES >> 20} MiB",
                hint="select a part of it: LEFT(…), SUBSTRING(…)",
            )

    def interrupt(self) -> None:
        if not self._at_rest.is_set():
            self._channel.attention(CANCEL_SECONDS)
            self._at_rest.wait(CANCEL_SECONDS)
        # A server that is gone acknowledges nothing; the thread that waits for it must go on.
        self._channel.shutdown()

    def close(self) -> None:
        self._channel.close()

    def _lost(self, error: Exception) -> StepError:
        """Give the connection up, and return why."""
        self._channel.close()
        if told := _reported(self._session):
            return ConnectionFailed(told.message, hint=_LOG)
        if isinstance(error, OSError | _library().ClosedConnectionError):
            return ConnectionFailed(f"the connection is lost: {error}", hint=_LOG)
        return ConnectionFailed(f"what the server sent cannot be read: {error}")

    def _send(self, sql: str, values: Sequence[Any]) -> None:
        session, base = self._session, _library().tds_base
        try:
            if not values:
                session.submit_plain_query(sql)
            else:
                bound = [
                    session.make_param(f"{self.placeholder}{number}", _bindable(value))
                    for number, value in enumerate(values, start=1)
                ]
                types = ",".join(f"{each.name} {each.type.get_declaration()}" for each in bound)
                texts = [session.make_param("", text) for text in (sql, types)]
                session.submit_rpc(base.SP_EXECUTESQL, [*texts, *bound])
        except UnicodeEncodeError as error:
            raise DatabaseError(f"SQL Server takes no such text: {error.reason}") from None
        session.begin_response()

    def _take(self, query: Query, room: Room) -> None:
        """Take the first result with rows, and all counts of changes, of a whole response."""
        base = _library().tds_base
        query.rows_affected = 0
        taken = False
        while not self._over:
            token = self._session.get_token_id()
            if token == base.TDS7_RESULT_TOKEN:
                self._session.process_token(token)
                columns = [Column(column) for column in self._session.res_info.columns]
                rows = self._rows(columns, query)
                if taken:
                    for _ in rows:
                        pass
                else:
                    taken = True
                    query.fill([column.name for column in columns], rows, room)
            else:
                self._other(token, query)

    def _rows(self, columns: Sequence[Column], query: Query) -> Iterator[list[Json]]:
        """Yield the rows up to the token that ends the result."""
        base = _library().tds_base
        session = self._session
        while True:
            token = session.get_token_id()
            if token in (base.TDS_ROW_TOKEN, base.TDS_NBC_ROW_TOKEN):
                session.process_token(token)
                yield self._row(columns)
            elif self._other(token, query):
                return

    def _row(self, columns: Sequence[Column]) -> list[Json]:
        row: list[Json] = []
        for column, value in zip(columns, self._session.row, strict=True):
            if value is TOO_LARGE:
                self._too_large = column.name
            row.append(None if value is TOO_LARGE else column.json(value))
        return row

    def _other(self, token: int, query: Query) -> bool:
        """Process a token that is no row; return whether it ends the result of a statement."""
        session, base = self._session, _library().tds_base
        if token not in (
            base.TDS_DONE_TOKEN, base.TDS_DONEPROC_TOKEN, base.TDS_DONEINPROC_TOKEN
        ):  # fmt: skip
            session.process_token(token)
            return False
        status, command, count = session._reader.unpack(_DONE)
        # A SELECT counts its rows.
        if status & _COUNTED and command != _SELECT:
            query.rows_affected += count
        if not status & _MORE:
            self._over = True
            session.set_state(base.TDS_IDLE)
        return True


def _options(query: str) -> dict[str, str]:
    """Return the parameters of a DSN in lower case.

    Raises:
        ConfigError: One of them is unknown.
    """
    known = {"database", "encrypt", "trustservercertificate", "certificate"}
    known |= {"hostnameincertificate", "app name", "user id", "password"}
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name.lower() in known:
            found[name.lower()] = value
        elif name.lower() not in _WITHOUT_EFFECT:
            hint = "database, encrypt, TrustServerCertificate, certificate, hostNameInCertificate"
            raise ConfigError(f"dsn: {name} is unknown", hint=f"there are {hint}, app name")
    return found


def _encryption(options: dict[str, str]) -> Encryption:
    """Return what a DSN asks for: without `encrypt`, all is encrypted and nothing checked."""
    encrypt = options.get("encrypt", "").lower()
    trusting = "encrypt" not in options
    if "trustservercertificate" in options:
        trusting = _truth("TrustServerCertificate", options["trustservercertificate"])
    if encrypt == "disable":
        mode = "none"
    elif encrypt in ("", *_YES):
        mode = "all"
    elif encrypt in _NO:
        mode = "login"
    else:
        hint = "true; false, for the login only; disable; it is true unless set"
        raise ConfigError(f"dsn: encrypt={options['encrypt']} is unknown", hint=hint)
    return Encryption(
        mode=mode,
        verified=not trusting,
        authority=options.get("certificate") or None,
        name=options.get("hostnameincertificate") or None,
    )


def _truth(name: str, value: str) -> bool:
    if value.lower() not in (*_YES, *_NO):
        raise ConfigError(f"dsn: {name}={value} is unknown", hint="true or false")
    return value.lower() in _YES


def _bindable(value: Any) -> Any:
    """Return a number of more digits than any type has as text, which the server judges."""
    too_large = isinstance(value, int) and abs(value) >= _TOO_MANY_DIGITS
    return str(value) if too_large else value


def _reported(session: Any) -> StepError | None:
    """Return what the server said about the last request, if any of it is an error."""
    errors = [
        message
        for message in session.messages
        if message["severity"] > _INFORMATION and message["msgno"] != _TERMINATED
    ]
    if not errors:
        return None
    parts = []
    for error in errors:
        where = f"error {error['msgno']}, line {error['line_number']}"
        if error["proc_name"]:
            where += f" of {error['proc_name']}"
        parts.append(f"{error['message'].rstrip()} ({where})")
    hints = (_HINTS.get(error["msgno"]) for error in errors)
    return DatabaseError("; ".join(dict.fromkeys(parts)), hint=next(filter(None, hints), None))


def _explain(error: OSError | UnicodeError) -> tuple[str, str | None]:
    """Return why there is no connection, and what to check."""
    if isinstance(error, ssl.SSLCertVerificationError):
        hint = "name the authority's file in the dsn: certificate=…; or the name that is in the "
        hint += "certificate: hostNameInCertificate=…; TrustServerCertificate=true checks nothing"
        return f"the certificate is not trusted: {error.verify_message}", hint
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}", "check `encrypt` in the dsn"
    if isinstance(error, socket.gaierror | UnicodeError):
        return str(error), "check the host in the dsn"
    if isinstance(error, TimeoutError):
        return "timed out", "does anything keep the engine from reaching host and port?"
    hint = "is the database running, and are host and port right?"
    return f"{error.strerror or error}", hint


@cache
def _library() -> Any:
    try:
        import pytds
        import pytds.tds_socket
    except ImportError as error:
        hint = "pip install 'rocketship[sqlserver]'"
        raise PluginError(f"the driver of sqlserver is missing: {error}", hint=hint) from error
    return pytds
