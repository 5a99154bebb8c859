"""Typical mistakes are refused before anything reaches a cluster, in words that say what to do."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.fixtures.helm import refusal

WEB = {
    "ingress.web.enabled": True,
    "ingress.web.host": "a.example.com",
    "auth.allowAnonymous": True,
}

#: Names and types. Generations of Helm word it differently, but all say the same.
UNKNOWN: list[tuple[dict[str, Any], str]] = [
    ({"engin.replicas": 1}, "engin"),
    ({"engine.replica": 1}, "replica"),
    ({"engine.service.port": 7700}, "port"),
    ({"ingress.enabled": True}, "enabled"),
    ({"auth.token.secret": "x"}, "secret"),
    ({"image.name": "x"}, "name"),
    ({"engine.resources.limit.memory": "1Gi"}, "limit"),
]
TYPES: list[tuple[dict[str, Any], str]] = [
    ({"engine.replicas": "many"}, "integer"),
    ({"engine.replicas": 0}, "1"),
    ({"engine.service.grpcPort": 77000}, "65,?535"),
    ({"engine.service.type": "Nodeport"}, "NodePort"),
    ({"image.pullPolicy": "always"}, "Always"),
    ({"image.tag": 1.2}, "string"),
    ({"auth.mode": "basic"}, "token,oidc"),
    ({"runtime.mode": "distributed"}, "temporal"),
    ({"engine.logLevel": "verbose"}, "warning"),
    ({"engine.persistence.enabled": "sure"}, "boolean"),
    ({"imagePullSecrets[0].name": "x"}, "string"),
]
#: Values, and what must be said about them.
MISTAKES: list[tuple[dict[str, Any], str]] = [
    # Texts of the wrong form.
    ({"image.tag": "latest"}, "write the tag of a release"),
    ({"image.repository": "Rocketship"}, "a repository in small letters"),
    ({"image.repository": "rocketship:0.1.0"}, "the tag has a value of its own, image.tag"),
    ({"image.registry": "https://registry.example.com"}, "a registry without a scheme"),
    ({"image.digest": "abc"}, "sha256: and 64 hexadecimal digits"),
    ({"engine.persistence.size": "8Gb"}, 'engine.persistence.size is "8Gb": write a quantity'),
    ({"engine.resources.requests.cpu": "half"}, "engine.resources.requests.cpu"),
    ({"engine.pdb.maxUnavailable": "half"}, "write a number, or a share such as 25%"),
    ({"ingress.grpc.host": "https://a.example.com"}, "a host name in small letters"),
    ({"fullnameOverride": "My_Rocketship"}, "small letters, digits and hyphens"),
    ({"temporal.address": "http://temporal:7233"}, "write HOST:PORT, such as"),
    ({"engine.publicGrpcEndpoint": "grpcs://a.example.com/x"}, "nothing behind the port"),
    ({"auth.oidc.issuer": "http://login.example.com"}, "an URL that begins with https://"),
    ({"auth.token.existingSecret": "My_Secret"}, "the name of a Secret, in small letters"),
    ({"worker.labels": ["GPU"]}, "labels in small letters"),
    # What does not go together.
    ({"runtime.mode": "temporal"}, "set temporal.address to HOST:PORT"),
    ({"temporal.address": "temporal:7233"}, 'set runtime.mode to "temporal"'),
    ({"engine.replicas": 2}, "several engines cannot share a SQLite file"),
    ({"engine.replicas": 2}, 'only be one engine while runtime.mode is "embedded"'),
    ({"engine.autoscaling.enabled": True}, "set engine.replicas to 1"),
    ({"worker.enabled": True}, "workers have nothing to do"),
    ({"database.existingSecret": "db"}, "set encryption.existingSecret"),
    ({"auth.mode": "token"}, "set auth.token.existingSecret"),
    ({"auth.mode": "oidc"}, "set auth.oidc.issuer"),
    ({"auth.mode": "oidc"}, "set auth.oidc.audience"),
    (
        {"auth.token.existingSecret": "t"},
        'auth.token.existingSecret is set but auth.mode is "none"',
    ),
    ({"auth.token.value": "t"}, 'set auth.mode to "token" or "token,oidc"'),
    ({"auth.oidc.issuer": "https://login.example.com"}, 'set auth.mode to "oidc" or "token,oidc"'),
    ({"auth.oidc.allowedAlgorithms": ["RS256"]}, "auth.oidc.allowedAlgorithms is set but"),
    ({"auth.oidc.advertiseCloud": True}, "auth.oidc.advertiseCloud is set but"),
    (
        {"auth.mode": "oidc", "auth.token.value": "t"},
        'auth.mode is "oidc", so that nobody is asked',
    ),
    (
        {"auth.mode": "token", "auth.oidc.audience": "a"},
        "auth.oidc.audience is set but auth.mode is",
    ),
    ({"auth.workerToken.existingSecret": "w"}, "so that no worker is asked for it"),
    ({"auth.mode": "token", "auth.token.value": "abc"}, "auth.token.value has a token that is cut"),
    ({"auth.mode": "token", "auth.token.value": "a:12345678\nb:123"}, "or easy to guess"),
    ({"auth.mode": "token", "auth.token.value": "rst_self_cut-off"}, "`rocketship token generate`"),
    ({"auth.mode": "token", "auth.workerToken.value": "abc"}, "auth.workerToken.value has a token"),
    ({"engine.listenHost": "127.0.0.1"}, 'set it to 0.0.0.0 or "[::]"'),
    ({"engine.listenHost": "[::1]"}, "which neither probes nor clients reach"),
    ({"engine.service.type": "LoadBalancer"}, 'set auth.mode to "token" or "oidc"'),
    ({"ingress.web.enabled": True}, "set ingress.web.host"),
    ({"gateway.grpc.enabled": True}, "set gateway.parentRefs"),
    (
        {"auth.allowAnonymous": True, "auth.mode": "token", "auth.token.value": "x"},
        "remove one of the two",
    ),
    (
        {"auth.mode": "token", "auth.token.value": "x", "auth.token.existingSecret": "y"},
        "auth.token.value and auth.token.existingSecret are both set",
    ),
    (
        {
            "auth.mode": "token",
            "auth.token.value": "x",
            "encryption.value": "y",
            "encryption.key": "token",
        },
        'are both "token" in the one Secret',
    ),
    ({"auth.alb.arns": ["arn:aws:elasticloadbalancing:x"]}, "set auth.alb.region"),
    ({"auth.alb.arns": ["arn:aws:elasticloadbalancing:x"]}, "set auth.alb.clientId"),
    ({"auth.alb.region": "eu-west-1"}, "set auth.alb.arns"),
    ({**WEB, "ingress.grpc.enabled": True, "ingress.grpc.host": "a.example.com"}, "are the same"),
    ({**WEB, "engine.service.exposeHttp": False}, "set engine.service.exposeHttp to true"),
    ({"engine.service.grpcNodePort": 30770}, 'need engine.service.type "NodePort"'),
    ({"engine.service.loadBalancerClass": "service.k8s.aws/nlb"}, 'type "LoadBalancer"'),
    ({"engine.service.httpPort": 7700}, "give each a port of its own"),
    ({"engine.tls.clientCaKey": "ca.crt"}, "set engine.tls.existingSecret"),
    ({"temporal.tls.caKey": "ca.crt"}, "set temporal.tls.existingSecret"),
]
#: The same over the production preset.
PRODUCTION_MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"worker.keda.enabled": True}, "only one may decide how many workers there are"),
    (
        {"worker.keda.enabled": True, "worker.autoscaling.enabled": False},
        "set worker.keda.triggers",
    ),
    ({"auth.workerToken.existingSecret": ""}, "set auth.workerToken.existingSecret"),
    ({"encryption.existingSecret": ""}, "engines and workers need the same key"),
    ({"database.existingSecret": ""}, "several engines cannot share a SQLite file"),
    ({"engine.autoscaling.maxReplicas": 1}, "set it to at most 1"),
    ({"worker.autoscaling.minReplicas": 99}, "worker.autoscaling.minReplicas is larger"),
    ({"engine.serviceMonitor.enabled": True}, "set engine.serviceMonitor.tokenSecret.name"),
    (
        {r"ingress.grpc.annotations.alb\.ingress\.kubernetes\.io/auth-type": "oidc"},
        "a command line cannot follow a browser login",
    ),
    ({"temporal.tls.certKey": "tls.crt"}, "set both temporal.tls.certKey and temporal.tls.keyKey"),
    ({"engine.tls.existingSecret": "engine-tls"}, "set worker.tls.existingSecret to a Secret with"),
    (
        {
            "engine.tls.existingSecret": "engine-tls",
            "engine.tls.clientCaKey": "ca.crt",
            "worker.tls.existingSecret": "worker-tls",
        },
        "set worker.tls.existingSecret, worker.tls.certKey and worker.tls.keyKey",
    ),
    ({"worker.tls.keyKey": "tls.key"}, "set both worker.tls.certKey and worker.tls.keyKey"),
    (
        {"worker.tls.certKey": "tls.crt", "worker.tls.keyKey": "tls.key"},
        "worker.tls.certKey is a key of a Secret",
    ),
]


def told(message: str) -> list[str]:
    """Return the problems in what Helm prints."""
    return [line[2:] for line in message.splitlines() if line.startswith("- ")]


@pytest.mark.parametrize(("values", "name"), UNKNOWN, ids=lambda item: str(item)[:60])
def test_unknown_value_is_refused_by_its_name(values: dict[str, Any], name: str) -> None:
    (problem,) = told(refusal(values=values))

    assert re.search(rf"\b{name}\b.*not allowed", problem)


@pytest.mark.parametrize(("values", "expected"), TYPES, ids=lambda item: str(item)[:60])
def test_value_of_the_wrong_kind_is_refused_with_the_right_one(
    values: dict[str, Any], expected: str
) -> None:
    problem = " ".join(told(refusal(values=values)))
    key = next(iter(values)).split("[")[0].replace(".", "[./]")

    assert re.search(key, problem)
    assert re.search(expected, problem)


@pytest.mark.parametrize(("values", "words"), MISTAKES, ids=lambda item: str(item)[:60])
def test_mistake_is_refused_in_words(values: dict[str, Any], words: str) -> None:
    assert any(words in problem for problem in told(refusal(values=values)))


@pytest.mark.parametrize(("values", "words"), PRODUCTION_MISTAKES, ids=lambda item: str(item)[:60])
def test_mistake_in_production_is_refused_in_words(values: dict[str, Any], words: str) -> None:
    assert any(words in problem for problem in told(refusal("production", values=values)))


def test_all_mistakes_are_told_at_once() -> None:
    values = {"image.tag": "latest", "auth.mode": "oidc", "worker.enabled": True}

    assert len(told(refusal(values=values))) >= 4


def test_no_message_shows_a_secret() -> None:
    values = {
        "auth.token.value": "canary-1",
        "auth.token.existingSecret": "x",
        "auth.mode": "token",
    }

    assert "canary-1" not in refusal(values=values)
