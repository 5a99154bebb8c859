#!/usr/bin/env bash
# Renders the chart for every preset, or for those whose name contains $1, and for several versions of
# Kubernetes, and checks the objects that come out.
set -euo pipefail
cd "$(dirname "$0")/../.."
make --no-print-directory dev
.venv/bin/pytest -q tests/chart -k "not test_values and not test_rejections${1:+ and $1}"
