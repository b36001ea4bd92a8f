#!/usr/bin/env bash
# Makes .venv from the locks and checks for what PDFs need. Quick when there is nothing to do.
#   ./setup.sh           for running
#   ./setup.sh dev       also what checks and benchmarks need
#   ./setup.sh browser   also Chromium and pdftotext, for the tests
set -euo pipefail
cd "$(dirname "$0")"
exec 9<"$0"
flock 9 # two copies started at once: the second waits and then finds everything done

say() { echo "$*" >&2; }
missing() { # the Debian packages among the arguments that are not installed
  local name
  for name in "$@"; do
    dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || echo "$name"
  done
}
debian() { # install Debian packages if we may; else say how
  local wanted
  wanted=$(missing "$@" | xargs)
  [ -n "$wanted" ] || return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "Installing Debian packages: $wanted"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $wanted; } </dev/null >/dev/null ||
      say "  apt-get failed; the packages are needed for PDFs: $wanted"
  else
    say "For PDFs in all scripts run once:  sudo apt-get install -y --no-install-recommends $wanted"
  fi
}

python=$(command -v "${PYTHON:-python3.11}" || command -v python3) || { say "Python 3.11 is needed."; exit 1; }
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { say "Python 3.11 or later is needed."; exit 1; }

install() { # the packages of a lock, unless they are there
  cmp -s "$1" ".venv/installed-$1" && return
  if [ ! -x .venv/bin/python ]; then # it may be a link to another checkout's
    say "Making .venv"
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
      debian "$(basename "$(readlink -f "$python")")-venv"
    fi
    "$python" -m venv .venv
  fi
  say "Installing $(grep -c '^[A-Za-z]' "$1") packages"
  .venv/bin/python -m pip install -qq --disable-pip-version-check --no-input --no-compile \
    --require-hashes --no-deps -r "$1"
  cp "$1" ".venv/installed-$1"
}
install requirements.lock
[ -z "${1:-}" ] || install requirements-dev.lock

if [ ! -e .venv/pdf.checked ]; then
  debian libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-inter fonts-noto-core fonts-noto-cjk
  if .venv/bin/python -c 'import weasyprint' 2>/dev/null; then
    [ -n "$(missing fonts-inter fonts-noto-core fonts-noto-cjk)" ] || touch .venv/pdf.checked
  else
    say "Pango cannot be loaded: everything works except PDFs."
  fi
fi

if [ "${1:-}" = browser ]; then
  command -v chromium >/dev/null || debian chromium
  command -v pdftotext >/dev/null || debian poppler-utils
  command -v chromium >/dev/null || { say "The browser tests need Chromium at /usr/bin/chromium."; exit 1; }
fi
