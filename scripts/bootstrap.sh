#!/usr/bin/env bash
# Make .venv fit a lock: scripts/bootstrap.sh run|dev
#
# Needs Python 3.11+ and nothing else. A second call with nothing changed costs some milliseconds: a stamp in .venv
# holds a checksum of everything the environment is made from. `dev` contains `run`, so a fitting dev stamp serves both.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
kind="${1:?usage: scripts/bootstrap.sh run|dev}"
case "$kind" in run | dev) ;; *) echo "bootstrap: unknown kind '$kind': run or dev" >&2; exit 2 ;; esac

say() { printf 'bootstrap: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Only what changes the installed set counts: the product code is installed editable.
digest() {
  { printf '%s\n' "$PWD" "$1"; cat pyproject.toml locks/bootstrap.txt "locks/$1.txt" scripts/bootstrap.sh; } | cksum
}

fits() { # kind
  [ -f ".venv/stamp-$1" ] && [ "$(cat ".venv/stamp-$1")" = "$(digest "$1")" ] && .venv/bin/python -c '' 2>/dev/null
}

if fits dev || { [ "$kind" = run ] && fits run; }; then exit 0; fi

# Two makes at once must not build the same environment; where flock is missing they are only slower.
mkdir -p .cache
if command -v flock >/dev/null; then exec 9>.cache/bootstrap.lock; flock 9; fi
if fits dev || { [ "$kind" = run ] && fits run; }; then exit 0; fi

exec </dev/null
unset PYTHONHOME PYTHONPATH VIRTUAL_ENV
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_USER=0 PIP_ROOT_USER_ACTION=ignore UV_NO_PROGRESS=1
export DEBIAN_FRONTEND=noninteractive
# A missing or read-only home is met in containers and CI: keep the caches inside the clone then.
if ! { [ -n "${HOME:-}" ] && [ -d "$HOME" ] && [ -w "$HOME" ]; }; then
  export HOME="$PWD/.cache/home"
  mkdir -p "$HOME"
fi

find_python() {
  local name
  for name in ${PYTHON:-} python3.11 python3.12 python3.13 python3.14 python3 python; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      # A version manager's shim would be resolved anew on every call: ask for the interpreter behind it.
      "$name" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  die "no Python 3.11 or newer found (tried python3.11 … python3). Install one, or name it: make run PYTHON=/path/to/python3.11"
}

make_venv() {
  local python version log=.cache/venv.log
  python="$(find_python)"
  [ -n "$python" ] || exit 1
  rm -rf .venv
  say "making .venv with $("$python" -V)"
  if "$python" -m venv .venv >"$log" 2>&1; then return; fi
  rm -rf .venv
  # Debian and Ubuntu ship python3 without ensurepip; the message of venv then names the package.
  version="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
  if grep -q ensurepip "$log" && command -v apt-get >/dev/null; then
    scripts/system.sh --package "python$version-venv" || die "python$version-venv is needed to make a virtual environment"
    if "$python" -m venv .venv >"$log" 2>&1; then return; fi
    rm -rf .venv
  fi
  cat "$log" >&2
  die "'$python -m venv' failed; on Debian or Ubuntu the cure is: apt-get install python$version-venv"
}

# What pip was told about mirrors and certificates holds for uv too, which reads none of pip's files.
inherit_pip_settings() {
  local url cert
  if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
    url="${PIP_INDEX_URL:-$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)}"
    [ -z "$url" ] || export UV_DEFAULT_INDEX="$url"
  fi
  if [ -z "${SSL_CERT_FILE:-}" ]; then
    cert="${PIP_CERT:-$(.venv/bin/python -m pip config get global.cert 2>/dev/null || true)}"
    [ ! -f "$cert" ] || export SSL_CERT_FILE="$cert"
  fi
  # pip trusts the system's certificates, uv its own unless told: a company's proxy must work for both.
  for cert in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
    if [ -s "$cert" ]; then export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"; fi
  done
}

.venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || make_venv
rm -f .venv/stamp-*
inherit_pip_settings
uv() { .venv/bin/uv --quiet "$@"; }

say "installing locks/$kind.txt into .venv"
started=$SECONDS
.venv/bin/python -m pip install --quiet --no-deps --require-hashes --only-binary :all: -r locks/bootstrap.txt
uv pip install --python .venv/bin/python --require-hashes -r "locks/$kind.txt"
# The build tools are in locks/bootstrap.txt too: no isolated build that would fetch its own, unpinned ones.
uv pip install --python .venv/bin/python --no-deps --no-build-isolation --editable .
digest "$kind" >".venv/stamp-$kind"
say "ready after $((SECONDS - started)) s"
