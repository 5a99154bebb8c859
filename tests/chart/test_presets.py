"""Each preset renders what it promises, read from the objects."""

from __future__ import annotations

import json

import pytest

from tests.fixtures.helm import PRESETS, render

ALB = "alb.ingress.kubernetes.io/"
NLB = "service.beta.kubernetes.io/aws-load-balancer-"


def ingress(preset: str, name: str) -> tuple[dict[str, str], dict[str, object]]:
    """Return the annotations and the spec of an ingress; it is the only one of the preset."""
    (found,) = render(preset).of("Ingress")
    assert found["metadata"]["name"] == f"rocketship-{name}"
    return found["metadata"]["annotations"], found["spec"]


@pytest.mark.parametrize("preset", ["", *PRESETS])
def test_every_preset_leads_grpc_to_7700_and_http_to_7701(preset: str) -> None:
    rendered = render(*filter(None, [preset]))

    (container,) = rendered.one("Deployment", "-engine")["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["targetPort"] for port in service_ports(preset)}

    assert {port["name"]: port["containerPort"] for port in container["ports"]} == {
        "grpc": 7700,
        "http": 7701,
    }
    assert ports["grpc"] == 7700
    assert ports.get("http", 7701) == 7701


def service_ports(preset: str) -> list[dict[str, object]]:
    ports = render(*filter(None, [preset])).one("Service", "-engine")["spec"]["ports"]
    assert all(port["protocol"] == "TCP" for port in ports)
    return list(ports)


def test_default_is_one_engine_with_a_volume_inside_the_cluster() -> None:
    rendered = render()
    engine = rendered.one("Deployment", "-engine")["spec"]
    volumes = {item["name"]: item for item in engine["template"]["spec"]["volumes"]}

    assert engine["replicas"] == 1
    assert engine["strategy"] == {"type": "Recreate"}
    assert volumes["data"]["persistentVolumeClaim"] == {"claimName": "rocketship-engine"}
    assert rendered.one("PersistentVolumeClaim")["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert rendered.one("Service", "-engine")["spec"]["type"] == "ClusterIP"
    assert service_ports("")[0] == {
        "name": "grpc",
        "port": 7700,
        "targetPort": 7700,
        "protocol": "TCP",
        "appProtocol": "kubernetes.io/h2c",
    }
    kinds = {item["kind"] for item in rendered.objects}
    assert kinds == {
        "ServiceAccount",
        "PersistentVolumeClaim",
        "Service",
        "Deployment",
        "Pod",
    }


def test_minikube_opens_fixed_ports_of_the_node() -> None:
    rendered = render("minikube")
    service = rendered.one("Service", "-engine")["spec"]
    engine = rendered.one("Deployment", "-engine")["spec"]["template"]["spec"]["containers"][0]

    assert service["type"] == "NodePort"
    assert {port["name"]: port["nodePort"] for port in service["ports"]} == {
        "grpc": 30770,
        "http": 30771,
    }
    assert engine["imagePullPolicy"] == "IfNotPresent"
    assert engine["resources"]["requests"] == {"cpu": "100m", "memory": "128Mi"}
    environment = rendered.environment("engine")
    assert environment["ROCKETSHIP_BACKEND"] == "embedded"
    assert environment["ROCKETSHIP_ALLOW_ANONYMOUS"] == "true"


def test_production_has_two_of_everything() -> None:
    rendered = render("production")

    for component in ("engine", "worker"):
        deployment = rendered.one("Deployment", f"-{component}")
        scaler = rendered.one("HorizontalPodAutoscaler", f"-{component}")["spec"]
        assert "replicas" not in deployment["spec"]
        assert scaler["minReplicas"] == 2
        assert scaler["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
        assert rendered.one("PodDisruptionBudget", f"-{component}")["spec"]["maxUnavailable"] == 1
        assert rendered.one("NetworkPolicy", f"-{component}")
        assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert rendered.of("PersistentVolumeClaim") == []


def test_production_without_scaling_has_two_engines() -> None:
    rendered = render("production", values={"engine.autoscaling.enabled": False})

    assert rendered.one("Deployment", "-engine")["spec"]["replicas"] == 2


def test_production_takes_its_secrets_from_secrets() -> None:
    rendered = render("production")
    engine, worker = rendered.environment("engine"), rendered.environment("worker")

    assert rendered.of("Secret") == []
    assert engine["ROCKETSHIP_AUTH_MODE"] == "token"
    assert engine["ROCKETSHIP_ENGINE_TOKEN_FILE"] == "/etc/rocketship/token/token"
    assert engine["ROCKETSHIP_DATABASE_URL"] == reference("rocketship-database", "database-url")
    for environment in (engine, worker):
        assert environment["ROCKETSHIP_WORKER_TOKEN"] == reference(
            "rocketship-worker", "worker-token"
        )
        assert environment["ROCKETSHIP_ENCRYPTION_KEY"] == reference(
            "rocketship-encryption", "encryption-key"
        )
        assert environment["ROCKETSHIP_TEMPORAL_ADDRESS"] == "temporal-frontend.temporal.svc:7233"
        assert environment["ROCKETSHIP_TEMPORAL_NAMESPACE"] == "rocketship"


def reference(name: str, key: str) -> dict[str, dict[str, str]]:
    return {"secretKeyRef": {"name": name, "key": key}}


def test_production_ends_tls_at_the_ingress() -> None:
    annotations, spec = ingress("production", "grpc")

    assert spec["tls"] == [{"hosts": ["globalbank.rocketship.sh"], "secretName": "globalbank-tls"}]
    assert spec["rules"] == [rule("globalbank.rocketship.sh", "grpc")]
    assert annotations["nginx.ingress.kubernetes.io/backend-protocol"] == "GRPC"
    environment = render("production").environment("engine")
    assert environment["ROCKETSHIP_PUBLIC_GRPC_ENDPOINT"] == "grpcs://globalbank.rocketship.sh:443"


def rule(host: str, port: str) -> dict[str, object]:
    backend = {"service": {"name": "rocketship-engine", "port": {"name": port}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {"host": host, "http": {"paths": [path]}}


def test_production_workers_use_every_engine_in_turn() -> None:
    rendered = render("production")
    headless = rendered.one("Service", "-engine-headless")
    engine = rendered.environment("worker")["ROCKETSHIP_ENGINE"]

    assert engine == "grpc://rocketship-engine-headless.rockets.svc:7700"
    assert headless["spec"]["clusterIP"] == "None"


def test_grpc_health_checks_of_the_alb_are_those_of_grpc() -> None:
    annotations, spec = ingress("grpc", "grpc")

    assert spec["ingressClassName"] == "alb"
    assert spec["rules"] == [rule("grpc.rocketship.example.com", "grpc")]
    assert "tls" not in spec
    expected = {
        "backend-protocol-version": "GRPC",
        "target-type": "ip",
        "healthcheck-port": "7700",
        "healthcheck-path": "/grpc.health.v1.Health/Check",
        "success-codes": "0",
        "load-balancer-attributes": "idle_timeout.timeout_seconds=3600",
        "target-group-attributes": "deregistration_delay.timeout_seconds=30",
    }
    assert {key: annotations[ALB + key] for key in expected} == expected
    assert json.loads(annotations[f"{ALB}listen-ports"]) == [{"HTTPS": 443}]


def test_grpc_never_has_a_login_at_the_load_balancer() -> None:
    annotations, _ = ingress("grpc", "grpc")

    assert [key for key in annotations if "auth" in key] == []


def test_grpc_nlb_ends_tls_and_speaks_http2() -> None:
    rendered = render("grpc-nlb")
    service = rendered.one("Service", "-engine")
    annotations, spec = service["metadata"]["annotations"], service["spec"]

    assert rendered.of("Ingress") == []
    assert spec["type"] == "LoadBalancer"
    assert spec["loadBalancerClass"] == "service.k8s.aws/nlb"
    assert [(port["name"], port["port"], port["targetPort"]) for port in spec["ports"]] == [
        ("grpc", 443, 7700)
    ]
    expected = {
        "alpn-policy": "HTTP2Preferred",
        "ssl-ports": "443",
        "backend-protocol": "tcp",
        "healthcheck-protocol": "http",
        "healthcheck-port": "7701",
        "healthcheck-path": "/healthz",
        "healthcheck-success-codes": "200",
    }
    assert {key: annotations[NLB + key] for key in expected} == expected


def test_oidc_web_logs_people_in_at_the_load_balancer() -> None:
    annotations, spec = ingress("oidc-web", "web")

    assert spec["ingressClassName"] == "alb"
    assert spec["rules"] == [rule("rocketship.example.com", "http")]
    expected = {
        "auth-type": "oidc",
        "auth-scope": "openid profile email",
        "auth-session-cookie": "AWSELBAuthSessionCookie",
        "auth-session-timeout": "43200",
        "auth-on-unauthenticated-request": "authenticate",
        "healthcheck-path": "/healthz",
        "healthcheck-port": "7701",
        "success-codes": "200",
    }
    assert {key: annotations[ALB + key] for key in expected} == expected
    provider = json.loads(annotations[f"{ALB}auth-idp-oidc"])
    assert set(provider) == {
        "issuer",
        "authorizationEndpoint",
        "tokenEndpoint",
        "userInfoEndpoint",
        "secretName",
    }


def test_oidc_web_engine_believes_that_load_balancer_and_provider_only() -> None:
    annotations, _ = ingress("oidc-web", "web")
    environment = render("oidc-web").environment("engine")

    assert environment["ROCKETSHIP_AUTH_MODE"] == "oidc"
    assert environment["ROCKETSHIP_ALB_ARNS"].startswith("arn:aws:elasticloadbalancing:")
    assert environment["ROCKETSHIP_ALB_REGION"] == "eu-central-1"
    assert environment["ROCKETSHIP_ALB_CLIENT_ID"] == "rocketship-web"
    provider = json.loads(annotations[f"{ALB}auth-idp-oidc"])
    assert environment["ROCKETSHIP_OIDC_ISSUER"] == provider["issuer"]


def test_gateway_has_a_route_for_each_protocol() -> None:
    rendered = render("gateway")
    parents = [{"name": "rocketship", "namespace": "gateway", "sectionName": "https"}]

    assert rendered.of("Ingress") == []
    for kind, host, port in (
        ("GRPCRoute", "grpc.rocketship.example.com", 7700),
        ("HTTPRoute", "rocketship.example.com", 7701),
    ):
        route = rendered.one(kind)
        assert route["apiVersion"] == "gateway.networking.k8s.io/v1"
        assert route["spec"] == {
            "parentRefs": parents,
            "hostnames": [host],
            "rules": [{"backendRefs": [{"name": "rocketship-engine", "port": port}]}],
        }


@pytest.mark.parametrize("edge", ["grpc", "grpc-nlb", "oidc-web", "gateway"])
def test_edges_go_behind_production(edge: str) -> None:
    rendered = render("production", edge)

    assert rendered.one("Deployment", "-worker")
    assert rendered.of("Ingress") or rendered.of("GRPCRoute") or edge == "grpc-nlb"
    policy = rendered.one("NetworkPolicy", "-engine")["spec"]["ingress"][0]
    assert "from" not in policy or edge == "gateway"


def test_both_albs_are_one_load_balancer() -> None:
    grpc, web = render("grpc", "oidc-web").of("Ingress")

    for each in (grpc, web):
        assert each["metadata"]["annotations"][f"{ALB}group.name"] == "rocketship"
    assert not [key for key in grpc["metadata"]["annotations"] if "auth" in key]
