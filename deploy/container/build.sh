#!/bin/sh
# Makes an image of what `make dist` made, as an OCI archive that podman, skopeo, docker (25 and newer) and containerd load.
#
#   deploy/container/build.sh target/dist/weir-VERSION-x86_64-linux.tar.gz weir.oci.tar
#
# The same archive, times (SOURCE_DATE_EPOCH, by default the last commit's) and buildah give the same bytes. Nothing is
# fetched. Needs buildah and root, or a user who may map others (newuidmap); its storage lives as long as this does.
set -eu

[ $# -eq 2 ] || { echo "usage: $0 ARCHIVE IMAGE" >&2; exit 2; }
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
archive=$1
case $2 in /*) image=$2 ;; *) image=$PWD/$2 ;; esac
stem=$(basename "$archive" -linux.tar.gz)
version=${stem#weir-}
machine=${version##*-}
version=${version%-*}
case $machine in
    x86_64) machine=amd64 ;;
    aarch64) machine=arm64 ;;
    *) echo "$archive is not named weir-VERSION-ARCHITECTURE-linux.tar.gz" >&2; exit 2 ;;
esac
# What somebody left in the checkout is not for an image: only links stand there.
left=$(find "$here/root" ! -type d ! -type l)
[ -z "$left" ] || { echo "not for an image, move it away: $left" >&2; exit 2; }
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct 2>/dev/null || stat -c %Y "$archive")}
REVISION=${REVISION:-$(git -C "$here" rev-parse HEAD 2>/dev/null || echo unknown)}
umask 022

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -xzf "$archive" -C "$work"
from=$work/weir-$version-${stem##*-}-linux
root=$work/context/root
mkdir -p "$root"
cp -a "$here/root/." "$root/"
install -D -m 0755 "$from/weir" "$root/usr/bin/weir"
for file in LICENSE third-party-licences.txt weir.cdx.json; do
    install -D -m 0644 "$from/$file" "$root/usr/share/doc/weir/$file"
done
# Whatever the umask of the checkout was, all of it is root's and everybody's to read.
chmod -R u=rwX,go=rX "$root"
chown -hR 0:0 "$root" 2>/dev/null || true

quietly() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }; }
buildah() { command buildah --storage-driver vfs --root "$work/storage" --runroot "$work/run" "$@"; }
quietly buildah build --isolation chroot --platform "linux/$machine" --timestamp "$SOURCE_DATE_EPOCH" \
    --build-arg VERSION="$version" --build-arg REVISION="$REVISION" --identity-label=false \
    --file "$here/Containerfile" --tag "weir:$version" "$work/context"
quietly buildah push --quiet "weir:$version" "oci:$work/image:weir:$version"
tar -C "$work/image" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=gnu -cf "$work/tar" .
mv "$work/tar" "$image"
