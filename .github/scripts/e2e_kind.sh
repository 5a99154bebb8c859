#!/usr/bin/env bash
# Installs the chart with image $1 into the kind cluster that kubectl points at, and runs a suite on it.
# kind, kubectl, helm and docker have to be there, and .venv/bin/rocketship (`make install`).
set -euo pipefail
cd "$(dirname "$0")/../.."
image="$1"
folder="$(mktemp -d)"
forward=""
finish() {
    code=$?
    [ -z "$forward" ] || kill "$forward" 2>/dev/null || true
    if [ "$code" != 0 ]; then
        kubectl get all,events --namespace rocketship
        kubectl logs --namespace rocketship deployment/rocketship-engine --tail 200
    fi
    rm -rf "$folder"
    exit "$code"
}
trap finish EXIT

kind load docker-image "$image" --name "${KIND_CLUSTER:-chart-testing}"
helm upgrade --install rocketship chart/ --namespace rocketship --create-namespace \
    --values chart/values-minikube.yaml \
    --set image.repository="${image%:*}" --set-string image.tag="${image##*:}" --wait --timeout 3m
helm test rocketship --namespace rocketship --logs

kubectl port-forward --namespace rocketship service/rocketship-engine 17700:7700 17701:7701 >"$folder/log" &
forward=$!
curl --silent --show-error --fail --retry 20 --retry-connrefused --retry-delay 1 http://127.0.0.1:17701/healthz
cat >"$folder/suite.yaml" <<'SUITE'
name: On kind
tests:
  - name: The engine runs suites
    steps:
      - { name: Think, plugin: script, config: { language: shell, script: "echo $((6 * 7))" } }
SUITE
.venv/bin/rocketship run "$folder/suite.yaml" --engine 127.0.0.1:17700 --output plain

# An upgrade that replaces the pod loses no history.
helm upgrade rocketship chart/ --namespace rocketship --reuse-values --set engine.podAnnotations.again=yes --wait --timeout 3m
kill "$forward"
kubectl port-forward --namespace rocketship service/rocketship-engine 17700:7700 17701:7701 >"$folder/log" &
forward=$!
curl --silent --show-error --fail --retry 20 --retry-connrefused --retry-delay 1 http://127.0.0.1:17701/readyz
.venv/bin/rocketship list --engine 127.0.0.1:17700 | grep "On kind"
