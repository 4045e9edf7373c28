#!/usr/bin/env bash
# Write locks/*.txt from pyproject.toml. Pins that still fit are kept; UPGRADE=1 takes the newest that fit.
#
# One resolution for all platforms (markers stay in the file), with the hashes of every wheel and source archive, and
# without the address of any index: docs/decisions/0002-lock-format.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
uv="${UV:-.venv/bin/uv}"
python="${PYTHON:-.venv/bin/python}"
common=(pip compile --quiet --universal --python-version 3.11 --generate-hashes
  --no-emit-index-url --no-emit-find-links --no-header --no-annotate)
[ -z "${UPGRADE:-}" ] || common+=(--upgrade)

"$uv" "${common[@]}" scripts/bootstrap.in -o locks/bootstrap.txt
"$uv" "${common[@]}" pyproject.toml -o locks/run.txt
# dev holds run, pin by pin: one environment serves `make run` and `make test`.
"$uv" "${common[@]}" pyproject.toml --group dev --constraint locks/run.txt -o locks/dev.txt
"$python" -m scripts.locks stamp
