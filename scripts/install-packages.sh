#!/bin/sh
# Installs Debian or Ubuntu packages that are missing: install-packages.sh COMMAND:PACKAGE ...
# A command `python:venv` stands for the venv module of the Python in use.
set -eu
missing=""
for pair in "$@"; do
    command="${pair%%:*}"
    package="${pair#*:}"
    if [ "$pair" = python:venv ]; then
        python="${PYTHON:-python3}"
        "$python" -c 'import ensurepip, venv' 2>/dev/null && continue
        package="$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    elif command -v "$command" >/dev/null; then
        continue
    fi
    missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null; then
    echo "Please install:$missing" >&2
    exit 1
fi
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}
as_root apt-get update -qq
# shellcheck disable=SC2086 # a list of words
DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq $missing >/dev/null
