#!/bin/sh
# Sets up what the tests need beside Rust: a JDK, Maven, Go, Node, Python, kcat, valgrind, buildah, nft, names on loopback,
# promtool, kustomize and the client programs. Uses what the machine has. As root on Debian or Ubuntu it installs what is
# missing from the distribution; otherwise it prints the one line to type. Quick when all is there. Status 1 when
# something is missing: tests that need it are skipped, and under CI=true `make test` stops here.
set -u

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
missing=0
packages=

main() {
    mkdir -p "$target"
    exec 9>"$target/setup.lock"
    flock -w 1800 9 || { echo "setup: another setup has held $target/setup.lock for half an hour" >&2; exit 1; }
    want_tools
    install_packages
    check_tools
    check_names
    for version in 4.3.1 3.9.2 2.8.2 2.4.1 1.1.1; do
        prepare "Apache Kafka $version" "$root/tests/kafka/fetch.sh" "$version"
    done
    prepare "promtool" "$root/tests/prometheus/fetch.sh"
    prepare "kustomize and the schemas of Kubernetes" "$root/tests/kubernetes/fetch.sh"
    for client in "$root"/tests/clients/*/setup.sh; do
        [ -x "$client" ] && prepare "client $(basename "$(dirname "$client")")" "$client"
    done
    [ "$missing" -eq 0 ] && echo "setup: all is there"
    [ "$missing" -eq 0 ]
}

have() { command -v "$1" >/dev/null 2>&1; }

# The first number in the output of a command: `javac 17.0.15` and `v20.20.2` and `go version go1.26.8` give 17, 20, 1.
number() { "$@" 2>&1 | sed -n 's/^[^0-9]*\([0-9][0-9]*\).*/\1/p' | head -n 1; }

has_jdk() { have java && have javac && [ "$(number javac -version)" -ge 17 ]; }
has_node() { have npm && have node && [ "$(number node --version)" -ge 18 ]; }
has_venv() { have python3 && python3 -c 'import venv, ensurepip' 2>/dev/null; }
# From 1.21 on, Go fetches the newer Go that a module asks for.
has_go() { have go && [ "$(go env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')" -ge 21 ] 2>/dev/null; }

# In /usr/sbin, which is not in everybody's path.
has_nft() (PATH=$PATH:/usr/sbin:/sbin; have nft && have ip)

want_tools() {
    has_jdk || packages="$packages default-jdk-headless"
    have mvn || packages="$packages maven"
    has_go || packages="$packages golang-go"
    has_node || packages="$packages nodejs npm"
    has_venv || packages="$packages python3-venv"
    have kcat || packages="$packages kcat"
    have valgrind || packages="$packages valgrind"
    have openssl || packages="$packages openssl"
    have buildah || packages="$packages buildah"
    has_nft || packages="$packages nftables iproute2"
}

install_packages() {
    [ -n "$packages" ] || return 0
    if [ "$(id -u)" -ne 0 ] || ! have apt-get; then
        echo "setup: to run every test, type: sudo apt-get install -y$packages"
        return 0
    fi
    echo "setup: installing$packages"
    export DEBIAN_FRONTEND=noninteractive
    timeout 300 apt-get update -q >"$target/apt.log" 2>&1
    # One by one: a package that this distribution does not have must not keep the others away.
    for package in $packages; do
        timeout 900 apt-get install -q -y --no-install-recommends "$package" >>"$target/apt.log" 2>&1 \
            || echo "setup: apt-get install $package failed; see $target/apt.log"
    done
}

check_tools() {
    has_jdk || lacks "a JDK, 17 or newer" "apt-get install default-jdk-headless"
    have mvn || lacks "Maven" "apt-get install maven"
    has_go || lacks "Go, 1.21 or newer" "apt-get install golang-go, or https://go.dev/dl where that is too old"
    has_node || lacks "Node with npm, 18 or newer" "apt-get install nodejs npm, or https://nodejs.org where that is too old"
    has_venv || lacks "Python 3 with venv" "apt-get install python3-venv"
    have kcat || lacks "kcat" "apt-get install kcat"
    have valgrind || lacks "valgrind" "apt-get install valgrind"
    have openssl || lacks "openssl" "apt-get install openssl"
    have buildah || lacks "buildah" "apt-get install buildah"
    has_nft || lacks "nft and ip" "apt-get install nftables iproute2"
}

lacks() {
    missing=$((missing + 1))
    echo "setup: MISSING: $1: $2"
}

# weir.localhost and b0 to b12 before it must be 127.0.0.1 for every client: see tests/kit/src/names.rs.
check_names() {
    resolves && return 0
    line="127.0.0.1 weir.localhost"
    for id in 0 1 2 3 4 5 6 7 8 9 10 11 12; do line="$line b$id.weir.localhost"; done
    if [ -w /etc/hosts ]; then
        echo "setup: adding weir.localhost and b0 to b12 before it to /etc/hosts"
        printf '%s\n' "$line" >>/etc/hosts
        resolves && return 0
    fi
    lacks "the names of weir.localhost" "echo '$line' | sudo tee -a /etc/hosts"
}

resolves() {
    for name in weir.localhost b0.weir.localhost b12.weir.localhost; do
        getent ahostsv4 "$name" 2>/dev/null | grep -q '^127\.0\.0\.1 ' || return 1
    done
}

# What fails is told with the end of its output.
prepare() {
    name=$1
    shift
    log=$target/setup.log
    if ! timeout -k 10 900 "$@" >"$log" 2>&1 9>&-; then
        lacks "$name" "$* failed:"
        tail -n 5 "$log" | sed 's/^/    /'
    fi
}

main
