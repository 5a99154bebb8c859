#!/usr/bin/env bash
# Lints the chart with every preset, and checks that mistakes in values are refused in words.
set -euo pipefail
cd "$(dirname "$0")/../.."
make --no-print-directory dev
.venv/bin/pytest -q tests/chart/test_values.py tests/chart/test_rejections.py
