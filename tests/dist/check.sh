#!/bin/sh
# make dist CHECK=1, after `make dist`: what is shipped is installed, run, upgraded and removed in a bare root file system
# (debootstrap, kept under target/), and built a second time to the same bytes. As root on Debian or Ubuntu it installs
# what it needs, but for a JDK and Maven (`make setup`); what cannot be looked at is told as SKIPPED.
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
case $target in /*) ;; *) target=$root/$target ;; esac
version=$(cd "$root" && cargo pkgid -p weir)
version=${version##*[#@]}

main() {
    install_missing
    (cd "$target/dist" && sha256sum --quiet --check SHA256SUMS)
    echo "ok: SHA256SUMS"
    again
    (cd "$root" && cargo build --quiet --locked -p weir-dist-check)
    "$target/debug/weir-dist-check" "$target/dist" "$version"
}

have() { command -v "$1" >/dev/null 2>&1; }

install_missing() {
    packages=
    have debootstrap || packages="$packages debootstrap"
    have lintian || packages="$packages lintian"
    have man || packages="$packages man-db"
    have zsh || packages="$packages zsh"
    have fish || packages="$packages fish"
    have qemu-aarch64-static || packages="$packages qemu-user-static"
    have systemd-analyze || packages="$packages systemd"
    have buildah || packages="$packages buildah"
    [ -n "$packages" ] && [ "$(id -u)" -eq 0 ] && have apt-get || return 0
    echo "installing$packages"
    export DEBIAN_FRONTEND=noninteractive
    timeout 300 apt-get update -q >"$target/apt.log" 2>&1 || true
    for package in $packages; do
        timeout 900 apt-get install -q -y --no-install-recommends "$package" >>"$target/apt.log" 2>&1 ||
            echo "apt-get install $package failed; see $target/apt.log"
    done
}

# The same sources in another directory, from nothing.
again() {
    if [ "${AGAIN:-1}" = 0 ]; then
        echo "SKIPPED: AGAIN=0: not built a second time"
        return 0
    fi
    second=$target/dist-again
    rm -rf "$second"
    ARCHITECTURES=x86_64 CARGO_TARGET_DIR=$second "$root/deploy/dist.sh" >/dev/null
    for file in "$second"/dist/weir*; do
        cmp "$file" "$target/dist/$(basename "$file")"
    done
    rm -rf "$second"
    echo "ok: the same bytes from a second build"
}

main
