#!/usr/bin/env bash
# Make .venv hold requirements/$1.txt (run or dev), hashes checked. Does nothing where it does already.
#
# PYTHON names the interpreter to use (default: python3).
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=requirements/$1.txt
made_from=.venv/requirements.txt # a copy of the file that .venv was made from

holds() { cmp -s "$made_from" "requirements/$1.txt"; }
runs() { .venv/bin/python -c '' 2> /dev/null; }

# `make demo` and `make test` may start at the same moment: the second waits for the first.
exec 9< requirements
flock 9

# dev.txt is run.txt and more.
if runs && { holds "$1" || { [ "$1" = run ] && holds dev; }; }; then
    exit 0
fi

printf 'lockstep: filling .venv from %s\n' "$wanted" >&2
# From run to dev packages are only added, under the feet of a demonstration that may be running; all else starts anew.
runs && holds run || "${PYTHON:-python3}" -m venv --clear .venv
rm -f "$made_from"
# The file names every package: resolving anew could only find a newer one, without a hash (pip does, for "name[extra]").
pip() { .venv/bin/python -m pip --disable-pip-version-check --no-input "$@"; }
pip install --quiet --no-deps --require-hashes --only-binary :all: -r "$wanted"
pip check > /dev/null || { pip check >&2; exit 1; }
cp "$wanted" "$made_from"
