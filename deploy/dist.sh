#!/bin/sh
# Makes what is shipped, into target/dist: for each architecture a static binary in an archive with its man pages,
# completions and examples, the same as a .deb, and the list of what is in it (SBOM); then SHA256SUMS.
#
#   deploy/dist.sh                    what `make dist` does: x86_64, and aarch64 where its toolchain can be had
#   ARCHITECTURES=x86_64 make dist    that one alone
#   deploy/dist.sh pack DIR BINARY ARCHITECTURE [XZ LEVEL]    only packs a binary that is there, into DIR
#
# The same sources, Rust and versions of the tools (deploy/dist-tools.txt) give the same bytes: times are those of
# SOURCE_DATE_EPOCH, by default the last commit's, and no path of this machine is in them. Needs Rust (from rustup, for
# the targets' standard libraries), Python with venv, and dpkg-deb for the .deb. Nothing is installed outside target/,
# but for the targets that rustup adds.
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
case $target in /*) ;; *) target=$root/$target ;; esac
work=$target/dist-build
version=$(cd "$root" && cargo pkgid --offline -p weir 2>/dev/null || cargo pkgid -p weir)
version=${version##*[#@]}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || stat -c %Y "$root/CHANGELOG.md")}
# The variables of Debian's own tools.
maintainer="${DEBFULLNAME:-Weir maintainers} <${DEBEMAIL:-maintainers@weir.example}>"
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
umask 022

main() {
    tools
    out=$target/dist
    rm -rf "$out"
    mkdir -p "$out"
    for architecture in ${ARCHITECTURES:-x86_64 aarch64}; do
        if has_target "$architecture"; then
            compile "$architecture" "$work"
            pack "$out" "$work/$architecture-unknown-linux-musl/dist/weir" "$architecture" 6
        elif [ "$architecture" = x86_64 ]; then
            fail "there is no standard library for $architecture-unknown-linux-musl, and rustup could not add it"
        else
            echo "SKIPPED: $architecture: rustup could not add the target $architecture-unknown-linux-musl" >&2
        fi
    done
    (cd "$out" && sha256sum -- * >"$work/SHA256SUMS" && mv "$work/SHA256SUMS" .)
    echo "in $out:"
    cat "$out/SHA256SUMS"
}

fail() {
    echo "dist: $*" >&2
    exit 1
}

# cargo-zigbuild and zig, which is a C compiler and a linker for every target, in a virtual environment of their own.
tools() {
    wanted=$root/deploy/dist-tools.txt
    if ! cmp -s "$wanted" "$work/tools/installed"; then
        rm -rf "$work/tools"
        mkdir -p "$work"
        python3 -m venv "$work/tools" || fail "Python 3 with venv is needed: apt-get install python3-venv"
        "$work/tools/bin/pip" install --quiet --no-deps --require-hashes -r "$wanted"
        cp "$wanted" "$work/tools/installed"
    fi
    PATH=$work/tools/bin:$PATH
}

has_target() {
    triple=$1-unknown-linux-musl
    [ -d "$(cd "$root" && rustc --print target-libdir --target "$triple")" ] && return 0
    command -v rustup >/dev/null 2>&1 && (cd "$root" && timeout 600 rustup target add "$triple")
}

# ARCHITECTURE TARGET_DIRECTORY. No path of this machine gets into the binary.
compile() {
    echo "dist: building weir $version for $1" >&2
    flags="--remap-path-prefix=$root=/weir --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
    (cd "$root" && RUSTFLAGS="$flags --remap-path-prefix=$2=/target" CARGO_TARGET_DIR=$2 \
        cargo zigbuild --quiet --locked --profile dist -p weir --target "$1-unknown-linux-musl")
    binary=$2/$1-unknown-linux-musl/dist/weir
    if readelf -lW "$binary" | grep -q INTERP; then
        fail "$binary is not static: it asks for an interpreter"
    fi
}

# DIRECTORY BINARY ARCHITECTURE LEVEL
pack() {
    out=$1 binary=$2 architecture=$3 level=${4:-6}
    mkdir -p "$out"
    tree=$(mktemp -d)
    trap 'rm -rf "$tree"' EXIT
    helper=${WEIR_DIST:-}
    if [ -z "$helper" ]; then
        (cd "$root" && cargo build --quiet --locked -p weir-dist)
        helper=$target/debug/weir-dist
    fi
    lists "$out/weir-$version-$architecture-linux.cdx.json"
    files "$tree/deb"
    archive "$tree/weir-$version-$architecture-linux"
    case $architecture in x86_64) debian=amd64 ;; aarch64) debian=arm64 ;; *) debian=$architecture ;; esac
    if command -v dpkg-deb >/dev/null 2>&1; then
        deb "$tree/deb" "$debian"
    else
        echo "SKIPPED: no .deb: dpkg-deb is not installed" >&2
    fi
    rm -rf "$tree"
    trap - EXIT
}

# What is in the binary, and the licences of that. Without the tools the binary is not one that this made.
lists() {
    triple=$architecture-unknown-linux-musl
    sum=$(sha256sum "$binary")
    set -- "$1" --target "$triple" --sha256 "${sum%% *}"
    musl=$(echo "$work"/tools/lib/python3*/site-packages/ziglang/lib/libc/musl)
    notices=
    if [ -d "$musl" ]; then
        number=$(sed -n 's/^#define VERSION "\(.*\)"/\1/p' "$musl/src/internal/version.h")
        set -- "$@" --musl "$number"
        notices="--also=musl $number=$musl/COPYRIGHT"
    fi
    bill=$1
    shift
    (cd "$root" && "$helper" sbom "$@") >"$bill"
    cp "$bill" "$tree/weir.cdx.json"
    (cd "$root" && "$helper" notices --target "$triple" ${notices:+"$notices"}) >"$tree/third-party-licences.txt"
}

# The tree of the .deb.
files() {
    doc=$1/usr/share/doc/weir
    mkdir -p "$1/etc/weir/tls" "$1/usr/bin" "$1/usr/lib/systemd/system" "$doc/examples" "$1/usr/share/lintian/overrides"
    install -m 0755 "$binary" "$1/usr/bin/weir"
    "$helper" man "$1/usr/share/man/man1"
    gzip -9n "$1"/usr/share/man/man1/*
    "$helper" completions "$tree/completions"
    install -D -m 0644 "$tree/completions/weir" "$1/usr/share/bash-completion/completions/weir"
    install -D -m 0644 "$tree/completions/_weir" "$1/usr/share/zsh/vendor-completions/_weir"
    install -D -m 0644 "$tree/completions/weir.fish" "$1/usr/share/fish/vendor_completions.d/weir.fish"
    install -m 0644 "$root"/deploy/systemd/* "$1/usr/lib/systemd/system/"
    install -m 0644 "$root/weir.example.yaml" "$doc/examples/weir.yaml"
    cp -R "$root/acl" "$root/deploy/prometheus" "$root/deploy/grafana" "$root/deploy/configuration-management" "$doc/examples/"
    install -m 0644 "$root/deploy/debian/copyright" "$tree/weir.cdx.json" "$doc/"
    gzip -9nc "$tree/third-party-licences.txt" >"$doc/third-party-licences.txt.gz"
    gzip -9nc "$root/CHANGELOG.md" >"$doc/CHANGELOG.md.gz"
    changelog | gzip -9nc >"$doc/changelog.gz"
    install -m 0644 "$root/deploy/debian/lintian-overrides" "$1/usr/share/lintian/overrides/weir"
    chmod -R u=rwX,go=rX "$1"
}

# As Debian's tools read it.
changelog() {
    printf 'weir (%s) unstable; urgency=medium\n\n  * What changed is in CHANGELOG.md.gz beside this file.\n\n' "$version"
    printf ' -- %s  %s\n' "$maintainer" "$(date --date="@$SOURCE_DATE_EPOCH" '+%a, %d %b %Y %H:%M:%S +0000')"
}

# The same for every other system, in one directory.
archive() {
    mkdir -p "$1/man"
    cp "$tree/deb/usr/bin/weir" "$root/LICENSE" "$tree/third-party-licences.txt" "$tree/weir.cdx.json" "$1/"
    cp -R "$tree/completions" "$tree/deb/usr/share/doc/weir/examples" "$tree/deb/usr/lib/systemd" "$1/"
    mv "$1/systemd/system"/* "$1/systemd/"
    rmdir "$1/systemd/system"
    "$helper" man "$1/man"
    chmod -R u=rwX,go=rX "$1"
    name=$(basename "$1")
    tar -C "$tree" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=gnu -cf - "$name" |
        gzip -n"$level" >"$out/$name.tar.gz"
}

# TREE DEBIAN_ARCHITECTURE
deb() {
    size=$(find "$1" -type f -printf '%s\n' | awk '{ kib += int(($1 + 1023) / 1024) } END { print kib }')
    mkdir "$1/DEBIAN"
    sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$2/" -e "s/@SIZE@/$size/" -e "s/@MAINTAINER@/$maintainer/" \
        "$root/deploy/debian/control" >"$1/DEBIAN/control"
    for script in postinst prerm postrm; do
        install -m 0755 "$root/deploy/debian/$script" "$1/DEBIAN/$script"
    done
    (cd "$1" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
    chmod -R u=rwX,go=rX "$1/DEBIAN"
    find "$1" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    # xz gives other bytes with more than one thread.
    DPKG_DEB_THREADS_MAX=1 dpkg-deb --root-owner-group -Zxz -z"$level" --build "$1" "$out/weir_${version}_$2.deb" >/dev/null
}

case ${1:-} in
    '') main ;;
    pack) shift && pack "$@" ;;
    compile) shift && tools && compile "$@" ;;
    *) fail "there is no $1" ;;
esac
