#!/bin/sh
# Installs the real coding harnesses into ${INTERLOCK_CACHE:-.cache}/harnesses; see install.py.
set -eu
cd "$(dirname "$0")/../.."
exec "${PYTHON:-python3}" -m scripts.harnesses.install "$@"
