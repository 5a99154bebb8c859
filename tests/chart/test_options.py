"""What the optional values do, and that nothing optional is there unasked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.cli import run_cli
from tests.fixtures.helm import Object, render

OPTIONAL = (
    "Ingress",
    "GRPCRoute",
    "HTTPRoute",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "NetworkPolicy",
    "ServiceMonitor",
    "ScaledObject",
    "Secret",
)


def engine_pod(**values: Any) -> Object:
    options = {path.replace("__", "."): value for path, value in values.items()}
    pod: Object = render(values=options).one("Deployment", "-engine")["spec"]["template"]
    return pod


@pytest.mark.parametrize("kind", OPTIONAL)
def test_optional_object_is_not_there_by_default(kind: str) -> None:
    assert render().of(kind) == []


def test_image_is_chosen_by_digest_before_tag() -> None:
    digest = "sha256:" + "a" * 64
    values = {"image.registry": "registry.example.com", "image.tag": "v1", "image.digest": digest}
    pod = render(values=values).one("Deployment", "-engine")["spec"]["template"]["spec"]

    assert pod["containers"][0]["image"] == f"registry.example.com/rocketship@{digest}"


def test_image_has_the_version_of_the_chart_by_default() -> None:
    assert engine_pod()["spec"]["containers"][0]["image"] == "rocketship:0.1.0"


def test_service_account_of_somebody_else_is_used() -> None:
    rendered = render(values={"serviceAccount.create": False, "serviceAccount.name": "ours"})

    assert rendered.of("ServiceAccount") == []
    for _, pod in rendered.workloads():
        assert pod["spec"]["serviceAccountName"] == "ours"


def test_volume_can_be_left_out_or_brought_along() -> None:
    without = render(values={"engine.persistence.enabled": False})
    brought = render(values={"engine.persistence.existingClaim": "ours"})

    for rendered, volume in (
        (without, {"emptyDir": {}}),
        (brought, {"persistentVolumeClaim": {"claimName": "ours"}}),
    ):
        assert rendered.of("PersistentVolumeClaim") == []
        pod = rendered.one("Deployment", "-engine")["spec"]["template"]["spec"]
        (data,) = [item for item in pod["volumes"] if item["name"] == "data"]
        assert data == {"name": "data", **volume}


def test_engine_with_tls_is_probed_by_https_and_told_its_files() -> None:
    rendered = render(values={"engine.tls.existingSecret": "engine-tls"})
    (container,) = rendered.one("Deployment", "-engine")["spec"]["template"]["spec"]["containers"]

    assert container["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"
    environment = rendered.environment("engine")
    assert environment["ROCKETSHIP_ENGINE_TLS_CERT"] == "/etc/rocketship/tls/tls.crt"
    assert environment["ROCKETSHIP_ENGINE_TLS_KEY"] == "/etc/rocketship/tls/tls.key"


def test_engine_that_wants_certificates_is_probed_by_its_port() -> None:
    values = {"engine.tls.existingSecret": "engine-tls", "engine.tls.clientCaKey": "ca.crt"}
    rendered = render(values=values)
    (container,) = rendered.one("Deployment", "-engine")["spec"]["template"]["spec"]["containers"]

    assert container["livenessProbe"]["tcpSocket"] == {"port": "http"}
    assert [item["metadata"]["name"] for item in rendered.of("Pod")] == []


def worker(values: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the container of a production's workers, and the volumes of its pod."""
    pod = render("production", values=values).one("Deployment", "-worker")["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    return container, pod["spec"]["volumes"]


def test_worker_sends_its_token_in_clear_to_engines_without_tls() -> None:
    container, _ = worker({})

    assert container["args"] == ["worker", "--allow-plaintext-token"]


def test_worker_is_told_how_to_trust_engines_with_tls_and_what_to_show(tmp_path: Path) -> None:
    container, volumes = worker(
        {
            "engine.tls.existingSecret": "engine-tls",
            "engine.tls.clientCaKey": "ca.crt",
            "worker.tls.existingSecret": "worker-tls",
            "worker.tls.certKey": "tls.crt",
            "worker.tls.keyKey": "tls.key",
            "worker.tls.serverName": "rocketship.example.com",
        }
    )

    assert container["args"] == [
        "worker",
        "--ca-cert=/etc/rocketship/engine/ca.crt",
        "--client-cert=/etc/rocketship/engine/tls.crt",
        "--client-key=/etc/rocketship/engine/tls.key",
        "--tls-server-name=rocketship.example.com",
    ]
    mount = {"name": "engine-tls", "mountPath": "/etc/rocketship/engine", "readOnly": True}
    assert mount in container["volumeMounts"]
    assert {"name": "engine-tls", "secret": {"secretName": "worker-tls"}} in volumes
    known = run_cli(["worker", "--help"], cwd=tmp_path, home=tmp_path / "home").stdout
    for argument in container["args"][1:]:
        assert argument.partition("=")[0] in known


def test_worker_may_know_engines_by_a_public_name() -> None:
    container, _ = worker(
        {"engine.tls.existingSecret": "engine-tls", "worker.tls.serverName": "r.example.com"}
    )

    assert container["args"] == ["worker", "--tls-server-name=r.example.com"]
    assert "/etc/rocketship/engine" not in [item["mountPath"] for item in container["volumeMounts"]]


def test_extras_are_added() -> None:
    values = {
        "engine.extraEnv[0].name": "HTTPS_PROXY",
        "engine.extraEnv[0].value": "http://proxy.example.com",
        "engine.extraEnvFrom[0].secretRef.name": "more",
        "engine.extraVolumes[0].name": "ca",
        "engine.extraVolumes[0].configMap.name": "ca",
        "engine.extraVolumeMounts[0].name": "ca",
        "engine.extraVolumeMounts[0].mountPath": "/etc/ca",
        "engine.extraContainers[0].name": "sidecar",
        "engine.initContainers[0].name": "before",
        "engine.podAnnotations.note": "text",
        "engine.podLabels.tier": "test",
        "engine.nodeSelector.disk": "ssd",
        "engine.priorityClassName": "high",
        "engine.runtimeClassName": "gvisor",
        "engine.dnsPolicy": "Default",
        "engine.hostAliases[0].ip": "10.0.0.1",
        "engine.tolerations[0].operator": "Exists",
        "commonLabels.team": "rockets",
        "imagePullSecrets": ["registry"],
    }
    pod = render(values=values).one("Deployment", "-engine")["spec"]["template"]
    spec = pod["spec"]

    assert spec["containers"][0]["env"][-1]["name"] == "HTTPS_PROXY"
    assert spec["containers"][0]["envFrom"] == [{"secretRef": {"name": "more"}}]
    assert {"name": "ca", "mountPath": "/etc/ca"} in spec["containers"][0]["volumeMounts"]
    assert {"name": "ca", "configMap": {"name": "ca"}} in spec["volumes"]
    assert spec["containers"][1] == {"name": "sidecar"}
    assert spec["initContainers"] == [{"name": "before"}]
    assert pod["metadata"]["annotations"]["note"] == "text"
    assert pod["metadata"]["labels"]["tier"] == "test"
    assert pod["metadata"]["labels"]["team"] == "rockets"
    assert spec["nodeSelector"] == {"disk": "ssd"}
    assert spec["priorityClassName"] == "high"
    assert spec["runtimeClassName"] == "gvisor"
    assert spec["dnsPolicy"] == "Default"
    assert spec["hostAliases"] == [{"ip": "10.0.0.1"}]
    assert spec["tolerations"] == [{"operator": "Exists"}]
    assert spec["imagePullSecrets"] == [{"name": "registry"}]


def test_spread_is_over_the_pods_of_the_component() -> None:
    (spread,) = render("production").one("Deployment", "-worker")["spec"]["template"]["spec"][
        "topologySpreadConstraints"
    ]

    assert spread["labelSelector"]["matchLabels"]["app.kubernetes.io/component"] == "worker"


def test_policy_lets_workers_and_tests_in_beside_those_named() -> None:
    rule = render("production").one("NetworkPolicy", "-engine")["spec"]["ingress"][0]
    components = [
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for peer in rule["from"]
        if "podSelector" in peer
    ]

    assert components == ["worker", "test"]
    assert rule["ports"] == [
        {"port": "grpc", "protocol": "TCP"},
        {"port": "http", "protocol": "TCP"},
    ]
    assert rule["from"][-1] == {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}
    }


def test_worker_is_let_alone_by_its_policy() -> None:
    spec = render("production").one("NetworkPolicy", "-worker")["spec"]

    assert spec["policyTypes"] == ["Ingress"]
    assert spec["ingress"] == []


def test_keda_replaces_the_number_of_workers() -> None:
    values = {
        "worker.autoscaling.enabled": False,
        "worker.keda.enabled": True,
        "worker.keda.triggers[0].type": "cpu",
    }
    rendered = render("production", values=values)

    assert "replicas" not in rendered.one("Deployment", "-worker")["spec"]
    assert rendered.one("ScaledObject")["spec"] == {
        "scaleTargetRef": {"name": "rocketship-worker"},
        "minReplicaCount": 1,
        "maxReplicaCount": 20,
        "triggers": [{"type": "cpu"}],
    }


def test_monitor_shows_its_token() -> None:
    values = {
        "engine.serviceMonitor.enabled": True,
        "engine.serviceMonitor.tokenSecret.name": "scrape",
    }
    (endpoint,) = render("production", values=values).one("ServiceMonitor")["spec"]["endpoints"]

    assert endpoint == {
        "port": "http",
        "path": "/metrics",
        "authorization": {"type": "Bearer", "credentials": {"name": "scrape", "key": "token"}},
    }


def test_chart_makes_one_secret_of_given_values() -> None:
    values = {"auth.mode": "token", "auth.token.value": "abcabcabc", "encryption.value": "def"}
    rendered = render(values=values)
    secret = rendered.one("Secret")

    assert secret["metadata"]["name"] == "rocketship-credentials"
    assert secret["data"] == {"token": "YWJjYWJjYWJj", "encryption-key": "ZGVm"}
    reference = rendered.environment("engine")["ROCKETSHIP_ENCRYPTION_KEY"]["secretKeyRef"]
    assert reference == {"name": "rocketship-credentials", "key": "encryption-key"}


def test_objects_of_ones_own_may_use_templates() -> None:
    text = "{kind: ConfigMap, metadata: {name: {{ .Release.Name }}-x}}"
    rendered = render(values={"extraObjects[0]": text})

    assert rendered.one("ConfigMap")["metadata"]["name"] == "rocketship-x"


def test_chart_tests_stay_to_be_read_and_need_no_credentials() -> None:
    names = {}
    for preset in ("", "production"):
        found = render(*filter(None, [preset])).of("Pod")
        names[preset] = {item["metadata"]["name"].rsplit("-", 1)[1] for item in found}
        for pod in found:
            assert pod["metadata"]["annotations"] == {
                "helm.sh/hook": "test",
                "helm.sh/hook-delete-policy": "before-hook-creation",
            }

    assert names == {"": {"health", "grpc", "run"}, "production": {"health", "grpc"}}
