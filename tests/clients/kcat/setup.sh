#!/bin/sh
# kcat and jq come from the distribution.
set -eu
if command -v kcat >/dev/null && command -v jq >/dev/null; then exit 0; fi
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    apt-get install -q -y --no-install-recommends kcat jq
    exit 0
fi
echo "the kcat client needs kcat and jq; type: sudo apt-get install -y kcat jq" >&2
exit 1
