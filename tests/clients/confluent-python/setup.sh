#!/bin/sh
# Installs what this client needs into the one virtual environment of the tests.
set -eu
cd "$(dirname "$0")"
target=../../../target
mkdir -p "$target"
exec 9> "$target/venv.lock"
flock 9
[ -x "$target/venv/bin/python" ] || python3 -m venv "$target/venv"
installed="$target/venv/$(basename "$PWD").txt"
cmp -s requirements.txt "$installed" && exit 0
"$target/venv/bin/pip" install -q --disable-pip-version-check -r requirements.txt
cp requirements.txt "$installed"
