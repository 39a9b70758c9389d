#!/usr/bin/env bash
# Install a wheel in an empty environment outside the checkout and use it there, as a newcomer would.
set -euo pipefail
wheel=$(realpath "$1")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"${PYTHON:-python3}" -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check "$wheel"
cd "$place"
venv/bin/celu cases
venv/bin/celu run case-a --sample --epochs 1
venv/bin/celu plot logs/
venv/bin/celu compare
venv/bin/celu report
