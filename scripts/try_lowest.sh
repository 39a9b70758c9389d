#!/usr/bin/env bash
# Install celu with the lowest version of each dependency that pyproject.toml allows, and use it.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"${PYTHON:-python3}" -m venv "$place/tool"
"$place/tool/bin/pip" install --quiet --disable-pip-version-check uv
"$place/tool/bin/uv" venv --quiet --python "${PYTHON:-python3}" "$place/venv"
"$place/tool/bin/uv" pip install --quiet --python "$place/venv" --resolution lowest-direct "$root"
cd "$place"
venv/bin/celu --version
venv/bin/celu run case-a --sample --epochs 1 network.filters=8
venv/bin/celu check case-d network.filters=8 > check.txt
venv/bin/celu compare --format json > compare.json
venv/bin/celu compare --plot overlay.svg
venv/bin/celu plot logs/
venv/bin/celu report
venv/bin/celu export --to csv -o runs.csv
venv/bin/celu activations relu
