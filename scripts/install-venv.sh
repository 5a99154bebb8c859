#!/bin/sh
# Debian and Ubuntu ship the venv module apart from Python: install it for the Python in use.
set -eu
python="${PYTHON:-python3}"
package="$("$python" -c 'import sys; print(f"python{sys.version_info[0]}.{sys.version_info[1]}-venv")')"
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}
command -v apt-get >/dev/null || { echo "Install the venv module of $python, then try again." >&2; exit 1; }
as_root apt-get update -qq
as_root apt-get install -y -qq "$package"
