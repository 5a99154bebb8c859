"""Steps with a contract, against a server that keeps to it or does not."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from rocketship.plugins import Call, Outcome, StepError
from rocketship.plugins.http.client import LARGE_BODY_BYTES, Reply, Request
from rocketship.plugins.http.contract.elsewhere import violations
from rocketship.plugins.http.plugin import Http
from rocketship.values import Json
from tests.fixtures.http_server import HttpServer, answer, redirect
from tests.plugins.calls import in_loop, make_call, run_step

SPEC = """
openapi: 3.0.3
info: {title: Pets, version: "1"}
servers: [{url: "https://{host}/v1", variables: {host: {default: example.test}}}]
security: [{key: []}]
paths:
  /pets/{id}:
    get:
      operationId: getPet
      parameters:
        - {name: id, in: path, required: true, schema: {type: integer}}
        - {name: limit, in: query, schema: {type: integer, maximum: 10}}
      responses:
        200:
          description: A pet.
          headers: {X-Rate: {required: true, schema: {type: integer}}}
          content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}
        4XX: {description: Not there.}
  /pets/mine:
    get:
      operationId: mine
      security: []
      responses: {default: {description: Anything.}}
    post:
      operationId: addPet
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}
      responses: {201: {description: Made.}}
components:
  securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}
  schemas:
    Pet:
      type: object
      required: [id, name]
      additionalProperties: false
      properties:
        id: {type: integer, format: int32, readOnly: true}
        name: {type: string, nullable: true}
        mate: {$ref: "#/components/schemas/Pet"}
"""
JSON = ("Content-Type", "application/json")
GOOD = answer('{"id": 1, "name": null}', headers=[JSON, ("X-Rate", "5")])
KEY = {"X-Key": "k"}


def step(server: HttpServer, path: str, **config: Any) -> Outcome:
    own = {"spec": "pets.yaml", **config.pop("openapi", {})}
    config = {"method": "GET", "headers": KEY, **config, "url": server.url(path), "openapi": own}
    return run_step(Http(), config, files={"pets.yaml": SPEC.encode()})


def problem(outcome: Outcome) -> str:
    assert outcome.failure is not None
    assert outcome.failure.type_name == "ContractError"
    return outcome.failure.message


def test_step_that_keeps_its_contract_passes_and_is_covered() -> None:
    with HttpServer({"/v1/pets/7": GOOD}) as server:
        outcome = step(server, "/v1/pets/7?limit=3", openapi={"operation_id": "getPet"})
    assert outcome.failure is None
    assert outcome.contract == {
        "spec": "pets.yaml",
        "operation": "GET /pets/{id}",
        "status": 200,
        "total": 3,
        "operations": ["GET /pets/{id}", "GET /pets/mine", "POST /pets/mine"],
    }


def test_wrong_response_is_told_in_full_and_can_still_be_observed() -> None:
    wrong = answer('{"id": 3000000000, "mate": {"id": 1, "name": 2}}', headers=[JSON])
    with HttpServer({"/v1/pets/7": wrong}) as server:
        outcome = step(server, "/v1/pets/7")
    assert problem(outcome) == (
        "openapi response validation failed: GET /pets/{id}: "
        "response header X-Rate: is missing (required); "
        'response body: "name" is a required property (required); '
        "response body /id: 3000000000 is greater than the maximum of 2147483647 (maximum); "
        'response body /mate/name: 2 is not of types "null", "string" (type)'
    )
    assert outcome.subject.reply.status == 200
    assert outcome.response is not None


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (answer(status="302 Found"), "response status: 302 is not described, only 200, 4XX"),
        (answer("<p>", headers=[("Content-Type", "text/html"), ("X-Rate", "1")]), "Content-Type"),
        (answer("{", headers=[JSON, ("X-Rate", "1")]), "response body: is not JSON"),
        (answer("", headers=[JSON, ("X-Rate", "1")]), "response body: is empty"),
        (
            answer("[" * 100_000, headers=[JSON, ("X-Rate", "1")]),
            "response body: cannot be used: there are more than 200 levels",
        ),
        (answer('{"id": 1, "name": "a"}', headers=[JSON, ("X-Rate", "x")]), "header X-Rate"),
    ],
)
def test_wrong_response_names_the_place(reply: bytes, expected: str) -> None:
    with HttpServer({"*": reply}) as server:
        assert expected in problem(step(server, "/v1/pets/7", follow_redirects=False))


@pytest.mark.parametrize("name", ["x-rate-limit", "X-Rate-Limit"])
@pytest.mark.parametrize("inline", [True, False])
def test_response_header_is_checked_however_its_name_is_written(name: str, inline: bool) -> None:
    header = "{required: true, schema: {type: array, items: {$ref: '#/components/schemas/x-n'}}}"
    reference = "{$ref: '#/components/headers/x-rate'}"
    headers = f"{{{name}: {header if inline else reference}}}"
    spec = f"""
openapi: 3.0.3
paths: {{/a: {{get: {{responses: {{200: {{headers: {headers}}}}}}}}}}}
components: {{headers: {{x-rate: {header}}}, schemas: {{x-n: {{type: integer}}}}}}
"""
    config = {"method": "GET", "openapi": {"spec": "a.yaml"}}
    told = []
    for sent in ([], [("X-Rate-Limit", "1, many")], [("x-rate-limit", "1, 2")]):
        with HttpServer({"*": answer("", headers=sent)}) as server:
            outcome = run_step(
                Http(), {**config, "url": server.url("/a")}, files={"a.yaml": spec.encode()}
            )
            told.append(problem(outcome).partition("GET /a: ")[2] if outcome.failure else "")
    assert told == [
        f"response header {name}: is missing (required)",
        f'response header {name} /1: "many" is not of type "integer" (type)',
        "",
    ]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"path": "/v1/pets/x"}, 'path parameter id: "x" is not of type "integer" (type)'),
        ({"path": "/v1/pets/7?limit=11"}, "query parameter limit: 11 is greater than"),
        ({"path": "/v1/pets/7", "headers": {}}, "request: has nothing for key (security)"),
        ({"path": "/v1/pets/mine", "method": "POST"}, "request body: is missing (required)"),
        (
            {"path": "/v1/pets/mine", "method": "POST", "body": "{}"},
            "request header Content-Type: is missing; the description has application/json",
        ),
        (
            {"path": "/v1/pets/mine", "method": "POST", "json": {"name": 1}},
            'request body /name: 1 is not of types "null", "string" (type)',
        ),
        ({"path": "/pets/7"}, "GET /pets/7 is no operation of pets.yaml"),
        (
            {"path": "/v1/pets/mine", "openapi": {"operation_id": "getPet"}},
            'expected the operation "getPet", but GET /pets/mine is "mine"',
        ),
    ],
)
def test_wrong_request_is_never_sent(config: dict[str, Any], expected: str) -> None:
    with HttpServer({"*": GOOD}) as server:
        message = problem(step(server, **config))
        assert server.got == []
    assert message.startswith("openapi request validation failed")
    assert expected in message


@pytest.mark.parametrize(
    ("style", "text", "in_url"),
    [
        ("form", "1,2", "1,2"),
        ("pipeDelimited", "1|2", "1|2"),
        ("pipeDelimited", "1|2", "1%7C2"),
        ("spaceDelimited", "1 2", "1%202"),
        ("spaceDelimited", "1 2", "1+2"),
    ],
)
def test_list_in_one_text_is_read_from_query_and_from_url(
    style: str, text: str, in_url: str
) -> None:
    limit = "{name: limit, in: query, schema: {type: integer, maximum: 10}}"
    packed = limit.replace("{type", "{type: array, items: {type").replace("}}", "}}}")
    spec = SPEC.replace(limit, packed.replace("in:", f"explode: false, style: {style}, in:"))
    outcomes = []
    with HttpServer({"*": GOOD}) as server:
        base = {"method": "GET", "headers": KEY, "openapi": {"spec": "a.yaml"}}
        for config in (
            {"url": server.url("/v1/pets/7"), "query": {"limit": text}},
            {"url": server.url(f"/v1/pets/7?limit={in_url}")},
            {"url": server.url("/v1/pets/7"), "query": {"limit": text + "1"}},
            {"url": server.url(f"/v1/pets/7?limit={in_url}1")},
        ):
            files = {"a.yaml": spec.encode()}
            outcome = run_step(Http(), {**base, **config}, files=files)
            outcomes.append(problem(outcome) if outcome.failure else "")
    wrong = (
        "openapi request validation failed: GET /pets/{id}: "
        "query parameter limit /1: 21 is greater than the maximum of 10 (maximum)"
    )
    assert outcomes == ["", "", wrong, wrong]


def test_request_is_not_checked_when_that_is_off() -> None:
    with HttpServer({"*": answer("{}", "400 Bad Request")}) as server:
        outcome = step(
            server, "/v1/pets/x?limit=many", headers={}, openapi={"validate_request": False}
        )
    assert outcome.failure is None


def test_response_is_not_checked_when_that_is_off() -> None:
    with HttpServer({"*": answer(status="599 No")}) as server:
        outcome = step(server, "/v1/pets/7", openapi={"validate_response": False})
    assert outcome.failure is None


def test_nothing_is_read_when_both_are_off() -> None:
    off = {"spec": "gone.yaml", "validate_request": False, "validate_response": False}
    with HttpServer({"*": GOOD}) as server:
        outcome = step(server, "/anywhere", openapi=off)
    assert outcome.failure is None
    assert outcome.contract is None


def test_read_only_property_is_required_in_responses_only() -> None:
    with HttpServer({"*": answer(status="201 Created")}) as server:
        outcome = step(server, "/v1/pets/mine", method="POST", json={"name": "Rex"})
    assert outcome.failure is None


def test_property_that_refers_may_be_read_only_itself_since_3_1() -> None:
    spec = SPEC.replace("3.0.3", "3.1.0") + "    Id: {type: integer, format: int32}\n"
    own = "{type: integer, format: int32, readOnly: true}"
    spec = spec.replace(own, "{$ref: '#/components/schemas/Id', readOnly: true}")
    spec = spec.replace("nullable: true", "maxLength: 5")
    config = {"method": "POST", "json": {"name": "Rex"}, "openapi": {"spec": "pets.yaml"}}
    with HttpServer({"*": answer(status="201 Created")}) as server:
        config["url"] = server.url("/v1/pets/mine")
        outcome = run_step(Http(), {**config, "headers": KEY}, files={"pets.yaml": spec.encode()})
    assert outcome.failure is None


def remote(server: HttpServer, ttl: str = "30m", **config: Any) -> tuple[Http, Call]:
    plugin = Http()
    spec: Json = {"spec": server.url("/spec"), "cache_ttl": ttl}
    config = {"method": "GET", "url": server.url("/v1/pets/mine"), **config}
    return plugin, make_call(plugin, config, suite={"openapi": spec})


def test_description_behind_a_url_is_fetched_once_by_steps_at_the_same_time() -> None:
    with HttpServer({"/spec": answer(SPEC), "*": GOOD}) as server:
        plugin, call = remote(server)

        async def main() -> list[Outcome]:
            return await asyncio.gather(*(plugin.run(call) for _ in range(20)))

        outcomes = in_loop(plugin, main)
        assert [outcome.failure for outcome in outcomes] == [None] * 20
        assert [got.path for got in server.got].count("/spec") == 1


def test_description_behind_a_url_is_fetched_again_when_it_is_old() -> None:
    with HttpServer({"/spec": answer(SPEC), "*": GOOD}) as server:
        plugin, call = remote(server, "1ns")

        async def main() -> None:
            await plugin.run(call)
            await plugin.run(call)

        in_loop(plugin, main)
        assert [got.path for got in server.got].count("/spec") == 2


def test_description_that_was_not_there_is_asked_for_again() -> None:
    answers = iter([answer(status="500 No"), answer(SPEC)])
    with HttpServer({"/spec": lambda got: next(answers), "*": GOOD}) as server:
        plugin, call = remote(server)

        async def main() -> tuple[Outcome, Outcome]:
            with pytest.raises(Exception, match="answers with status 500"):
                await plugin.run(call)
            return await plugin.run(call), await plugin.run(call)

        assert [outcome.failure for outcome in in_loop(plugin, main)] == [None, None]


def test_cancelled_step_does_not_take_the_description_from_others() -> None:
    with HttpServer({"/spec": answer(SPEC), "*": GOOD}) as server:
        plugin, call = remote(server)

        async def main() -> Outcome:
            first = asyncio.ensure_future(plugin.run(call))
            second = asyncio.ensure_future(plugin.run(call))
            await asyncio.sleep(0)
            first.cancel()
            return await second

        assert in_loop(plugin, main).failure is None


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ({"/spec": redirect("/spec")}, "redirects more than 5 times"),
        ({"/spec": redirect("file:///etc/passwd")}, "is neither http nor https"),
        ({"/spec": answer("swagger: '2.0'")}, "is OpenAPI 2.0; 3.0 and 3.1 can be checked"),
        ({"/spec": answer("a: [")}, "not YAML"),
    ],
)
def test_description_behind_a_url_that_cannot_be_used(routes: Any, expected: str) -> None:
    with HttpServer(routes) as server:
        plugin, call = remote(server)
        with pytest.raises(Exception, match=expected):
            in_loop(plugin, lambda: plugin.run(call))


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found"])
def test_password_in_the_url_of_a_description_is_not_told(status: str) -> None:
    with HttpServer({"/spec": answer("openapi: 4", status)}) as server:
        plugin, call = remote(server)
        block: Json = {"spec": server.url("/spec").replace("//", "//ada:lovelace@")}
        call = replace(call, suite={"openapi": block})
        with pytest.raises(StepError) as caught:
            in_loop(plugin, lambda: plugin.run(call))
    assert "lovelace" not in str(caught.value)


def test_checks_are_not_loaded_for_steps_without_a_contract() -> None:
    package = "rocketship.plugins.http.contract."
    program = (
        "import sys, rocketship.plugins.http.plugin;"
        f"print([name for name in sys.modules if name.startswith('{package}')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "['rocketship.plugins.http.contract.settings']"


def test_redirected_request_is_held_against_the_operation_it_ends_at() -> None:
    with HttpServer({"/v1/pets/7": redirect("/v1/pets/mine"), "*": answer("anything")}) as server:
        assert step(server, "/v1/pets/7").failure is None


def test_redirect_to_what_is_not_described_is_told() -> None:
    with HttpServer({"/v1/pets/7": redirect("/echo?a=1"), "*": answer("anything")}) as server:
        outcome = step(server, "/v1/pets/7")
    assert problem(outcome) == (
        "openapi response validation failed: GET /pets/{id} was redirected to GET /echo, "
        "which is no operation of pets.yaml"
    )
    assert outcome.failure is not None
    assert "follow_redirects: false" in str(outcome.failure.hint)


@pytest.mark.parametrize("responses", ["responses: {}", "responses: {x-a: {}}", "summary: a"])
def test_operation_that_describes_no_response_says_so(responses: str) -> None:
    spec = SPEC.replace("responses: {default: {description: Anything.}}", responses)
    config = {"method": "GET", "openapi": {"spec": "pets.yaml"}}
    with HttpServer({"*": answer()}) as server:
        config["url"] = server.url("/v1/pets/mine")
        outcome = run_step(Http(), config, files={"pets.yaml": spec.encode()})
    assert problem(outcome).endswith("response status: 200 is not described, and no other is")


@pytest.mark.slow
def test_large_description_does_not_stall_other_steps() -> None:
    paths = {
        f"/things{n}/{{id}}": {
            "get": {
                "operationId": f"get{n}",
                "responses": {
                    "200": {
                        "description": "x",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "properties": {
                                        f"p{i}": {"type": "string", "maxLength": 9}
                                        for i in range(20)
                                    },
                                }
                            }
                        },
                    }
                },
            }
        }
        for n in range(1000)
    }
    spec = json.dumps({"openapi": "3.1.0", "info": {}, "paths": paths}, indent=1).encode()
    config = {"method": "GET", "openapi": {"spec": "big.json"}}
    with HttpServer({"*": answer("{}", headers=[JSON])}) as server:
        plugin = Http()
        call = make_call(
            plugin, {**config, "url": server.url("/things7/1")}, files={"big.json": spec}
        )

        async def main() -> int:
            heavy = asyncio.ensure_future(plugin.run(call))
            turns = 0
            while not heavy.done():
                await asyncio.sleep(0.01)
                turns += 1
            assert (await heavy).failure is None
            return turns

        # Read on the event loop, it would take all the time in one turn.
        assert in_loop(plugin, main) > 5


def pet(**changes: Json) -> bytes:
    """Return a pet that is checked in a child."""
    body = json.dumps({"id": 1, "name": "x" * (2 * LARGE_BODY_BYTES), **changes}).encode()
    assert len(body) > LARGE_BODY_BYTES
    return body


def test_large_response_is_held_against_its_contract() -> None:
    rate = ("X-Rate", "5")
    wrong = answer(pet(id="one", mate={"id": 2}), headers=[JSON, rate])
    routes = {"/v1/pets/1": answer(pet(), headers=[JSON, rate]), "/v1/pets/2": wrong}
    with HttpServer(routes) as server:
        good, bad = step(server, "/v1/pets/1"), step(server, "/v1/pets/2")

    assert good.failure is None
    told = problem(bad)
    assert told.startswith("openapi response validation failed: GET /pets/{id}: response body")
    assert "/id" in told
    assert "/mate" in told
    assert len(told) < 10_000
    assert bad.subject.reply.status == 200


def test_large_request_that_is_wrong_is_never_sent() -> None:
    with HttpServer({"/v1/pets/mine": answer(status="201 Made")}) as server:
        made = {"name": "x" * (2 * LARGE_BODY_BYTES), "colour": "red"}
        outcome = step(server, "/v1/pets/mine", method="POST", json=made)

        assert "openapi request validation failed: POST /pets/mine" in problem(outcome)
        assert server.got == []


def test_others_go_on_while_a_large_response_is_checked() -> None:
    request = Request("GET", "https://example.test/v1/pets/1")
    head = (JSON, ("X-Rate", "5"))
    reply = Reply(200, "OK", "1.1", head, pet(id="one"), {}, "127.0.0.1:1", reused=False)

    async def main() -> int:
        checking = asyncio.ensure_future(violations((("p.yaml", SPEC.encode()),), request, reply))
        turns = 0
        while not checking.done():
            await asyncio.sleep(0)
            turns += 1
        assert len(await checking) == 1
        return turns

    # Checked in this process, it would take all the time in one turn.
    assert asyncio.run(main()) > 10
