#!/usr/bin/env bash
# Make sure that programs of the system are there: scripts/system.sh COMMAND... | --package PACKAGE...
#
# As root on Debian or Ubuntu, what is missing is installed with apt-get. Anywhere else the call fails and names the
# package: a test that matters is never skipped because a program was missing.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

package_of() { # command -> Debian package
  case "$1" in
    redis-server) echo redis-server ;;
    cc) echo build-essential ;;
    nginx) echo nginx-light ;;
    *) echo "$1" ;;
  esac
}

wanted=()
if [ "${1:-}" = --package ]; then
  shift
  wanted=("$@")
else
  for command in "$@"; do
    # Debian keeps servers in sbin, which is not on everybody's PATH.
    PATH="$PATH:/usr/sbin:/sbin" command -v "$command" >/dev/null || wanted+=("$(package_of "$command")")
  done
fi
[ "${#wanted[@]}" -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  printf 'system: missing: %s. Install it (Debian, Ubuntu: sudo apt-get install %s) and call make again.\n' \
    "${wanted[*]}" "${wanted[*]}" >&2
  exit 1
fi
printf 'system: apt-get install %s\n' "${wanted[*]}" >&2
install() { apt-get install -y -qq --no-install-recommends "${wanted[@]}" </dev/null >/dev/null; }
# A server package would start its server at once; tests start their own on a free port.
export RUNLEVEL=1
apt-get update -qq </dev/null >/dev/null || true
install || { printf 'system: apt-get could not install %s\n' "${wanted[*]}" >&2; exit 1; }
