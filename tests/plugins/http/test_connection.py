from __future__ import annotations

import ssl

import pytest

from rocketship.errors import ConfigError, ConnectionFailed
from tests.fixtures.http_server import HttpServer, answer
from tests.plugins.http.steps import check, make_call, run, with_plugin

OK = {"*": answer("ok")}


def test_server_that_is_trusted_is_reached_and_timed(server_tls, files):
    with HttpServer(OK, server_tls) as server:
        outcome = run({"url": server.url(), "ca": "ca.pem"}, files=files)
    assert outcome.subject.text == "ok"
    assert list(outcome.timings) == ["dns", "connect", "tls", "first_byte", "download", "total"]
    assert outcome.timings["tls"] > 0


def test_server_that_is_not_trusted_is_refused_with_a_remedy(server_tls):
    with HttpServer(OK, server_tls) as server:
        failure = run({"url": server.url()}).failure
        assert server.got == []
    assert isinstance(failure, ConnectionFailed)
    assert f"127.0.0.1:{server.port} has a certificate that is not trusted" in failure.message
    assert "verify: false" in str(failure.hint)


def test_server_with_another_name_is_refused(authority, files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example").configure_cert(context)
    with HttpServer(OK, context) as server:
        failure = run({"url": server.url(), "ca": "ca.pem"}, files=files).failure
    assert isinstance(failure, ConnectionFailed)
    assert "not trusted" in failure.message


def test_verification_can_be_left_out(server_tls):
    with HttpServer(OK, server_tls) as server:
        assert run({"url": server.url(), "verify": False}).subject.text == "ok"


def test_unverified_connection_is_not_reused_by_a_step_that_verifies(server_tls):
    async def scenario(plugin):
        careless = await plugin.run(make_call({"url": server.url(), "verify": False}))
        careful = await plugin.run(make_call({"url": server.url()}))
        return careless.failure, careful.failure

    with HttpServer(OK, server_tls) as server:
        careless, careful = with_plugin(scenario)
    assert careless is None
    assert isinstance(careful, ConnectionFailed)


@pytest.mark.parametrize(
    "config",
    [
        {"cert": "cert.pem", "key": "key.pem"},
        {"cert": "both.pem"},
        {"cert": "cert.pem", "key": "locked.pem", "key_password": "open sesame"},
    ],
)
def test_client_certificate_is_shown_to_the_server(mutual_tls, files, config):
    with HttpServer(OK, mutual_tls) as server:
        outcome = run({"url": server.url(), "ca": "ca.pem", **config}, files=files)
    assert outcome.failure is None


def test_connection_with_a_certificate_is_not_reused_without_it(mutual_tls, files):
    async def scenario(plugin):
        config = {"url": server.url(), "ca": "ca.pem"}
        known = await plugin.run(make_call({**config, "cert": "both.pem"}, files=files))
        unknown = await plugin.run(make_call(config, files=files))
        return known.failure, unknown.failure

    with HttpServer(OK, mutual_tls) as server:
        known, unknown = with_plugin(scenario)
    assert known is None
    assert isinstance(unknown, ConnectionFailed)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"cert": "junk.pem"}, '"cert" or "key"'),
        ({"cert": "cert.pem", "key": "junk.pem"}, '"key" cannot be used'),
        ({"cert": "cert.pem", "key": "locked.pem"}, '"key" cannot be used'),
        ({"cert": "cert.pem", "key": "locked.pem", "key_password": "wrong"}, '"key" cannot'),
        ({"ca": "junk.pem"}, '"ca"'),
        ({"key": "key.pem"}, '"cert"'),
    ],
)
def test_unusable_files_are_config_errors(server_tls, files, config, words):
    with HttpServer(OK, server_tls) as server, pytest.raises(ConfigError, match=words):
        run({"url": server.url(), "ca": "ca.pem", **config}, files=files)


def test_https_on_a_plain_port_says_so():
    with HttpServer(OK) as server:
        failure = run({"url": server.url().replace("http:", "https:")}).failure
    assert isinstance(failure, ConnectionFailed)
    assert "TLS" in failure.message
    assert "https" in str(failure.hint)


def test_certificate_can_be_checked_also_after_the_connection_was_used(server_tls, files):
    async def scenario(plugin):
        config = {"url": server.url(), "ca": "ca.pem"}
        await plugin.run(make_call(config, files=files))
        asked = frozenset({"certificate"})
        return await plugin.run(make_call(config, files=files, asserted=asked))

    with HttpServer(OK, server_tls) as server:
        outcome = with_plugin(scenario)
    assert check(outcome, "certificate", "127.0.0.1", "contains", field="san").passed
    assert check(outcome, "certificate", 1, "greater", field="days_left").passed
    assert check(outcome, "certificate", "trustme", "contains", field="issuer").passed
    assert check(outcome, "certificate", r"^\d{4}-\d\d-\d\dT", "matches", field="expires").passed
    assert outcome.response["certificate"]["subject"]


def test_certificate_of_a_plain_connection_is_absent():
    with HttpServer(OK) as server:
        outcome = run({"url": server.url()}, asserted=frozenset({"certificate"}))
    result = check(outcome, "certificate", "x", field="subject")
    assert not result.passed
    assert "not encrypted" in result.message
