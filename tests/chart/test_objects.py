"""What must hold for everything the chart makes, whatever the values and the Kubernetes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest

from tests.fixtures.helm import NEWEST, OLDEST, PRESETS, VERSIONS, Object, Rendered, render

#: Longest release name that Helm allows.
LONG_RELEASE = "r" * 53
#: Everything at once: as many optional parts as can be together.
EVERYTHING: dict[str, Any] = {
    "auth.mode": "token,oidc",
    "auth.token.existingSecret": "",
    "auth.token.value": "rst_self_" + "x" * 43,
    "auth.oidc.issuer": "https://login.example.com/",
    "auth.oidc.audience": "https://rocketship.example.com",
    "engine.tls.existingSecret": "engine-tls",
    "engine.serviceMonitor.enabled": True,
    "engine.serviceMonitor.tokenSecret.name": "scrape",
    "engine.maxParallelTests": 8,
    "engine.disabledPlugins": ["script.shell"],
    "engine.service.grpcNodePort": 30770,
    "engine.service.type": "NodePort",
    "ingress.web.enabled": True,
    "ingress.web.host": "web.example.com",
    "gateway.grpc.enabled": True,
    "gateway.http.enabled": True,
    "gateway.parentRefs[0].name": "shared",
    "temporal.tls.enabled": True,
    "temporal.tls.existingSecret": "temporal-tls",
    "temporal.tls.caKey": "ca.crt",
    "temporal.apiKey.existingSecret": "temporal-api",
    "worker.autoscaling.enabled": False,
    "worker.keda.enabled": True,
    "worker.keda.minReplicas": 2,
    "worker.keda.triggers[0].type": "cpu",
    "worker.keda.triggers[0].metadata.value": "70",
    "worker.labels": ["gpu", "eu-west"],
    "worker.tls.existingSecret": "worker-tls",
    "imagePullSecrets": ["registry"],
    "commonLabels.team": "rockets",
}
CASES: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "default": ((), {}),
    **{preset: ((preset,), {}) for preset in PRESETS},
    "production-and-alb": (("production", "grpc", "oidc-web"), {}),
    "everything": (("production",), EVERYTHING),
}
#: Secrets that the README and the heads of the presets ask for, and those named in this file.
BROUGHT_ALONG = {
    "rocketship-token",
    "rocketship-worker",
    "rocketship-encryption",
    "rocketship-database",
    "globalbank-tls",
    "engine-tls",
    "worker-tls",
    "temporal-tls",
    "temporal-api",
    "scrape",
    "registry",
}
#: Kinds that come with something that is installed beside Kubernetes, and have no schema here.
CUSTOM = {"GRPCRoute", "HTTPRoute", "ServiceMonitor", "ScaledObject"}
MEANS_CHART = {
    "app.kubernetes.io/name",
    "app.kubernetes.io/instance",
    "app.kubernetes.io/component",
}


@pytest.fixture(params=[(case, kube) for case in CASES for kube in VERSIONS], ids="-".join)
def rendered(request: pytest.FixtureRequest) -> Rendered:
    """Every case for every version."""
    case, kube = request.param
    presets, values = CASES[case]
    return render(*presets, values=values, kube=kube)


def containers(pod: Object) -> list[Object]:
    return [*pod["spec"]["containers"], *pod["spec"].get("initContainers", [])]


def is_part(labels: dict[str, str], selector: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


def pods(rendered: Rendered, selector: dict[str, str]) -> list[Object]:
    found = [pod for _, pod in rendered.workloads() if is_part(pod["metadata"]["labels"], selector)]
    assert set(selector) == MEANS_CHART
    return found


def test_selectors_choose_the_pods_of_one_component(rendered: Rendered) -> None:
    for deployment in rendered.of("Deployment"):
        selector = deployment["spec"]["selector"]["matchLabels"]
        assert pods(rendered, selector) == [deployment["spec"]["template"]]
    for service in rendered.of("Service"):
        (pod,) = pods(rendered, service["spec"]["selector"])
        assert pod["metadata"]["labels"]["app.kubernetes.io/component"] == "engine"
    for kind in ("PodDisruptionBudget", "NetworkPolicy"):
        for item in rendered.of(kind):
            spec = item["spec"]
            selector = spec.get("podSelector", spec.get("selector"))["matchLabels"]
            (pod,) = pods(rendered, selector)
            component = pod["metadata"]["labels"]["app.kubernetes.io/component"]
            assert item["metadata"]["name"].endswith(f"-{component}")


def test_ports_of_services_exist_in_containers(rendered: Rendered) -> None:
    for service in rendered.of("Service"):
        (pod,) = pods(rendered, service["spec"]["selector"])
        numbers = {port["containerPort"] for item in containers(pod) for port in item["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= numbers


def test_probes_ask_ports_that_exist(rendered: Rendered) -> None:
    for deployment in rendered.of("Deployment"):
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        names = {port["name"] for port in container["ports"]}
        paths = {}
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            asked = container[kind]["httpGet"]
            paths[kind] = asked["path"]
            assert asked["port"] in names
        assert paths == {
            "startupProbe": "/healthz",
            "readinessProbe": "/readyz",
            "livenessProbe": "/healthz",
        }


def test_backends_of_edges_exist(rendered: Rendered) -> None:
    services = {item["metadata"]["name"]: item["spec"]["ports"] for item in rendered.of("Service")}
    for ingress in rendered.of("Ingress"):
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                names = {port["name"] for port in services[service["name"]]}
                assert service["port"]["name"] in names
    for kind in ("GRPCRoute", "HTTPRoute"):
        for route in rendered.of(kind):
            for backend in (
                item for rule in route["spec"]["rules"] for item in rule["backendRefs"]
            ):
                assert backend["port"] in {port["port"] for port in services[backend["name"]]}


def test_scalers_and_monitors_lead_to_objects(rendered: Rendered) -> None:
    names = {item["metadata"]["name"] for item in rendered.of("Deployment")}
    for kind in ("HorizontalPodAutoscaler", "ScaledObject"):
        for scaler in rendered.of(kind):
            assert scaler["spec"]["scaleTargetRef"]["name"] in names
    for monitor in rendered.of("ServiceMonitor"):
        selector = monitor["spec"]["selector"]["matchLabels"]
        found = [
            item for item in rendered.of("Service") if is_part(item["metadata"]["labels"], selector)
        ]
        assert [item["metadata"]["name"] for item in found] == ["rocketship-engine-headless"]


def secrets_of(item: Any) -> Iterator[tuple[str, str]]:
    """Yield the name and, where there is one, the key of every Secret something refers to."""
    if isinstance(item, list):
        for each in item:
            yield from secrets_of(each)
    if not isinstance(item, dict):
        return
    if "secretKeyRef" in item:
        yield item["secretKeyRef"]["name"], item["secretKeyRef"]["key"]
    if "secretName" in item:
        for entry in item.get("items", [{"key": ""}]):
            yield item["secretName"], entry["key"]
    for each in item.get("imagePullSecrets", []):
        yield each["name"], ""
    for value in item.values():
        yield from secrets_of(value)


def test_every_secret_is_made_or_brought_along(rendered: Rendered) -> None:
    made = {item["metadata"]["name"]: item["data"] for item in rendered.of("Secret")}
    for name, key in secrets_of(list(rendered.objects)):
        assert name in made or name in BROUGHT_ALONG
        if name in made and key:
            assert key in made[name]


def test_pods_meet_the_restricted_standard(rendered: Rendered) -> None:
    for _, pod in rendered.workloads():
        spec = pod["spec"]
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert (security["runAsUser"], security["runAsGroup"], security["fsGroup"]) == (10001,) * 3
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        kinds = {key for volume in spec["volumes"] for key in volume if key != "name"}
        assert kinds <= {"emptyDir", "secret", "persistentVolumeClaim", "configMap", "projected"}
        for container in containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert not [port for port in container.get("ports", []) if "hostPort" in port]
            assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}


def test_mounts_have_volumes(rendered: Rendered) -> None:
    for _, pod in rendered.workloads():
        volumes = [volume["name"] for volume in pod["spec"]["volumes"]]
        assert len(volumes) == len(set(volumes))
        for container in containers(pod):
            paths = [mount["mountPath"] for mount in container["volumeMounts"]]
            assert len(paths) == len(set(paths))
            assert {mount["name"] for mount in container["volumeMounts"]} <= set(volumes)


def test_files_in_the_environment_are_mounted(rendered: Rendered) -> None:
    for _, pod in rendered.workloads():
        for container in containers(pod):
            folders = {mount["mountPath"] for mount in container["volumeMounts"]}
            for variable in container.get("env", []):
                value = variable.get("value", "")
                if value.startswith("/etc/"):
                    assert value.rsplit("/", 1)[0] in folders


def test_variables_are_set_once(rendered: Rendered) -> None:
    for _, pod in rendered.workloads():
        for container in containers(pod):
            names = [item["name"] for item in container.get("env", [])]
            assert len(names) == len(set(names))
            assert all(isinstance(item.get("value", ""), str) for item in container.get("env", []))


def test_resources_are_set(rendered: Rendered) -> None:
    for _, pod in rendered.workloads():
        for container in containers(pod):
            resources = container["resources"]
            assert set(resources["requests"]) == {"cpu", "memory"}
            assert set(resources["limits"]) == {"memory"}


def test_images_have_a_version(rendered: Rendered) -> None:
    for _, pod in rendered.workloads():
        for container in containers(pod):
            assert re.fullmatch(r"[a-z./]+:\d+\.\d+\.\d+", container["image"])


def test_pods_are_given_the_time_they_take_to_stop(rendered: Rendered) -> None:
    spec = rendered.one("Deployment", "-engine")["spec"]["template"]["spec"]
    environment = rendered.environment("engine")
    lifecycle = spec["containers"][0]["lifecycle"]["preStop"]
    waits = (
        lifecycle["sleep"]["seconds"] if "sleep" in lifecycle else lifecycle["exec"]["command"][1]
    )
    steps = [
        environment[name].rstrip("s") for name in ("ROCKETSHIP_DRAIN_DELAY", "ROCKETSHIP_GRACE")
    ]

    assert int(waits) >= 5
    assert spec["terminationGracePeriodSeconds"] > int(waits) + sum(map(int, steps))


def test_annotations_and_labels_are_text(rendered: Rendered) -> None:
    for item in rendered.objects:
        for kind in ("annotations", "labels"):
            pairs = item["metadata"].get(kind, {})
            assert all(isinstance(value, str) for value in pairs.values())
        assert item["metadata"]["namespace"] == "rockets"
        assert item["metadata"]["labels"].keys() >= MEANS_CHART | {"helm.sh/chart"}


def test_objects_are_told_apart_by_kind_and_name(rendered: Rendered) -> None:
    names = [(item["kind"], item["metadata"]["name"]) for item in rendered.objects]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("case", CASES)
def test_names_fit_for_the_longest_release(case: str) -> None:
    presets, values = CASES[case]

    for item in render(*presets, values=values, release=LONG_RELEASE).objects:
        assert re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", item["metadata"]["name"])
        assert len(item["metadata"]["name"]) <= 63
        for label in item["metadata"]["labels"].values():
            assert len(label) <= 63


@pytest.mark.slow
@pytest.mark.parametrize("kube", [OLDEST, NEWEST])
@pytest.mark.parametrize("case", CASES)
def test_objects_are_those_of_the_kubernetes_api(case: str, kube: str) -> None:
    presets, values = CASES[case]

    for item in render(*presets, values=values, kube=kube).objects:
        if item["kind"] not in CUSTOM:
            kubernetes_validate.validate(item, kube.rsplit(".", 1)[0], strict=True)


def test_waiting_is_done_by_kubernetes_where_it_can() -> None:
    hooks = {
        kube: render(kube=kube).one("Deployment", "-engine")["spec"]["template"]["spec"][
            "containers"
        ][0]
        for kube in (OLDEST, NEWEST)
    }

    assert hooks[OLDEST]["lifecycle"]["preStop"] == {"exec": {"command": ["sleep", "5"]}}
    assert hooks[NEWEST]["lifecycle"]["preStop"] == {"sleep": {"seconds": 5}}


@pytest.mark.parametrize("kube", [OLDEST, NEWEST])
def test_pod_that_is_not_to_wait_has_no_hook(kube: str) -> None:
    rendered = render(values={"engine.preStopSeconds": 0}, kube=kube)
    spec = rendered.one("Deployment", "-engine")["spec"]["template"]["spec"]

    assert "lifecycle" not in spec["containers"][0]


def test_a_changed_secret_replaces_the_pods() -> None:
    def checksum(token: str) -> str:
        values = {"auth.mode": "token", "auth.token.value": token}
        template = render(values=values).one("Deployment", "-engine")["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/credentials"])

    assert checksum("the-first") == checksum("the-first")
    assert checksum("the-first") != checksum("the-other")


def test_nothing_has_a_default_password() -> None:
    text = json.dumps([render(preset).objects for preset in PRESETS])

    assert '"Secret"' not in text
    assert render().of("Secret") == []
