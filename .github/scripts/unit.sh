#!/usr/bin/env bash
# The tests that take less than a second each.
set -euo pipefail
cd "$(dirname "$0")/../.."
make --no-print-directory test-fast
