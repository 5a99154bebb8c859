"""The command lines are run: what arrives must be what the plugin itself sent."""

from __future__ import annotations

import subprocess

import pytest

from tests.fixtures.http_server import Got, HttpServer, answer, redirect
from tests.plugins.http.steps import run

#: Headers that name the client or depend on its version.
OWN = {"user-agent", "accept-encoding"}
FILES = {"photo.png": b"\x89PNG\0\xff", "notes.txt": b"line 1\nline 2\n"}


def essence(got: Got) -> tuple[str, str, set[tuple[str, str]], bytes]:
    headers = {(name.lower(), value) for name, value in got.headers if name.lower() not in OWN}
    return got.method, got.target, headers, got.body


def run_in_shell(command: str, folder) -> None:
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    environ = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder)}
    subprocess.run(
        ["/bin/sh", "-c", command], cwd=folder, env=environ, check=True, capture_output=True
    )


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"query": {"q": "a b'c\"$HOME`x`\\", "list[]": ["{1,2}", "[3-4]"]}},
        {"method": "HEAD"},
        {"method": "DELETE", "headers": {"X-A": "it's; $(true)", "X-Empty": ""}},
        {"method": "POST"},
        {"method": "POST", "json": {"quote": 'it\'s "here"\n$HOME', "u": "ü"}},
        {"method": "POST", "body": "@notes.txt\n&raw\n"},
        {"method": "PUT", "body": "text", "headers": {"Content-Type": "text/plain"}},
        {"method": "POST", "form": {"a": "x y", "b": [1, None]}},
        {"method": "POST", "body_file": "photo.png"},
        {"method": "GET", "body": "{}"},
        {"method": "POST", "url": "/a/../b/./c", "body": "x"},
        {"headers": {"Host": "shop.example", "Accept": "text/x"}},
        {"auth": {"digest": {"username": "ada", "password": "open"}}, "http_version": "1.1"},
    ],
)
def test_command_line_sends_the_same_request(config, tmp_path):
    with HttpServer({"*": answer("ok")}) as server:
        where = server.url(config.get("url", "/path"))
        outcome = run({**config, "url": where}, files=FILES)
        assert outcome.reproduce is not None
        run_in_shell(outcome.reproduce, tmp_path)
        ours, theirs = server.got
    assert essence(theirs) == essence(ours)


def test_command_line_uploads_the_same_files(tmp_path):
    upload = {"file": "photo.png", "filename": 'my "best".png', "content_type": "image/x"}
    multipart = {"fields": {"title": "@a<b;c"}, "files": {"photo": upload, "notes": "notes.txt"}}
    with HttpServer({"*": answer("ok")}) as server:
        config = {"url": server.url(), "method": "POST", "multipart": multipart}
        outcome = run(config, files=FILES)
        assert outcome.reproduce is not None
        run_in_shell(outcome.reproduce, tmp_path)
        ours, theirs = server.got

    def parts(got: Got) -> list[bytes]:
        boundary = str(got.one("content-type")).rpartition("boundary=")[2].encode()
        return got.body.split(b"--" + boundary)

    assert parts(theirs) == parts(ours)


def test_command_line_follows_redirects(tmp_path):
    with HttpServer({"/": redirect("/to"), "/to": answer("ok")}) as server:
        outcome = run({"url": server.url()})
        run_in_shell(str(outcome.reproduce), tmp_path)
        assert [got.path for got in server.got] == ["/", "/to"] * 2
        alone = run({"url": server.url(), "follow_redirects": False}).reproduce
    assert "--location" not in str(alone)


def test_command_line_shows_no_secrets():
    config = {
        "url": "https://ada:in-the-url@127.0.0.1:1/",
        "headers": {"X-Api-Key": "in-the-header"},
        "verify": False,
        "timeout": "1500ms",
        "connect_timeout": "1s",
        "http_version": "2",
        "proxy": "http://me:in-the-proxy@127.0.0.1:1",
    }
    command = str(run(config).reproduce)
    assert "in-the" not in command
    assert "'X-Api-Key: ***'" in command
    assert "'Authorization: ***'" in command
    assert "--max-time 1.5 --connect-timeout 1 --http2 --insecure" in command
    assert "'http://me:***@127.0.0.1:1'" in command


def test_command_line_names_a_body_that_does_not_fit():
    config = {"url": "http://127.0.0.1:1/", "method": "POST"}
    for body in ("x" * 100_000, "a\0b"):
        assert "--data-binary @BODY" in str(run({**config, "body": body}).reproduce)


def test_command_line_signs_for_aws_with_the_secret_left_out():
    keys = {"access_key": "AKID", "secret_key": "hush-hush", "session_token": "tmp-tmp"}
    auth = {"aws_sigv4": {**keys, "region": "eu-west-1", "service": "s3"}}
    command = str(run({"url": "http://127.0.0.1:1/", "auth": auth}).reproduce)
    assert "--aws-sigv4 aws:amz:eu-west-1:s3 --user 'AKID:***'" in command
    assert "hush" not in command
    assert "tmp-tmp" not in command
