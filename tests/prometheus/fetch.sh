#!/bin/sh
# promtool, for the alert rules: target/tools/promtool. From the PATH, else from Debian's package, which is unpacked and not
# installed: no root is needed and no service starts. Quick when it is there already.
set -eu

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
tools=${CARGO_TARGET_DIR:-$here/../../target}/tools

[ -x "$tools/promtool" ] && exit 0
mkdir -p "$tools"
if command -v promtool >/dev/null; then
    ln -s "$(command -v promtool)" "$tools/promtool"
    exit 0
fi
command -v apt-get >/dev/null && command -v dpkg >/dev/null \
    || { echo "promtool is missing: put it on the PATH, from https://prometheus.io/download" >&2; exit 1; }

new=$tools/promtool.new
rm -rf "$new"
mkdir -p "$new"
# As root, apt gives up its rights before it downloads, where it can.
download() { (cd "$new" && timeout -k 10 120 apt-get download -q -o APT::Sandbox::User=root prometheus); }
update() { [ "$(id -u)" -eq 0 ] && timeout -k 10 300 apt-get update -q; }
download || { update && download; }
dpkg -x "$new"/prometheus_*.deb "$new"
"$new/usr/bin/promtool" --version >&2
# It gets its name last: what has it works.
mv "$new/usr/bin/promtool" "$tools/promtool"
rm -rf "$new"
