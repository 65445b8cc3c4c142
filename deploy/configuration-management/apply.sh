#!/bin/sh
# Puts a configuration and its policy in force, whole or not at all. For Puppet, Ansible and the like, and for people.
#
#   deploy/configuration-management/apply.sh CANDIDATE [DIRECTORY]
#
# CANDIDATE has weir.yaml and acl/, as they lie in a repository, and no key. DIRECTORY, by default /etc/weir, is laid out as
# docs/operate/layout.md says. Status 0: what CANDIDATE says is there, now or already. 1: CANDIDATE was refused, and
# nothing has changed. 2: it could not be tried. What ends it in the middle leaves the old or the new; run it again.
#
# WEIR is the binary (`weir`), WEIR_USER who must be able to read it all (`weir`). For Linux: coreutils, util-linux.
set -eu
umask 022

weir=${WEIR:-weir}
user=${WEIR_USER:-weir}
kept=5
stage=
refused=

main() {
    [ $# -eq 1 ] || [ $# -eq 2 ] || cannot "usage: $0 CANDIDATE [DIRECTORY]"
    root=$(CDPATH= cd -- "${2:-/etc/weir}" && pwd) || cannot "${2:-/etc/weir} is no directory"
    [ -f "$1/weir.yaml" ] && [ -d "$1/acl" ] || cannot "$1 does not have weir.yaml and acl/"
    trap ended EXIT
    mkdir -p "$root/releases" "$root/suspended"
    exec 9>"$root/releases/.lock"
    flock -w 60 9 || cannot "another one has been at work for a minute"
    for name in weir.yaml acl; do
        [ -L "$root/$name" ] || [ ! -e "$root/$name" ] ||
            cannot "$root/$name is there and no link: move it into the candidate, once"
    done
    stage "$1"
    check
    if same; then
        rm -rf "$stage"
        settle
        echo "nothing has changed"
    else
        tell
        swap
        settle
        echo "in force: $release"
    fi
}

cannot() {
    printf 'apply: %s\n' "$*" >&2
    exit 2
}

# What failed has said why. It says nothing of the candidate: a disk may be full.
ended() {
    status=$?
    rm -rf "$stage"
    [ -z "$refused" ] || exit 1
    [ "$status" -eq 0 ] || [ "$status" -eq 2 ] || cannot "it could not be done; mend that and run it again"
}

# A copy beside what is in force, on the same file system: nobody changes it while it is looked at.
stage() {
    # Of one that was ended.
    rm -rf "$root"/releases/.new-*
    stage=$(mktemp -d "$root/releases/.new-XXXXXX")
    cp -RP "$1/weir.yaml" "$1/acl" "$stage/"
    # What a link leads to was not reviewed with it: it may be what root alone can read, and all of this will be for everybody.
    strange=$(find "$stage" ! -type f ! -type d)
    [ -z "$strange" ] || refuse "neither a file nor a directory, and links are not followed: $strange"
    chmod -R u=rwX,go=rX "$stage"
    keys=$(LC_ALL=C grep -rla -e '-----BEGIN .*PRIVATE KEY' "$stage") || [ $? -eq 1 ] || cannot "grep cannot look for keys"
    [ -z "$keys" ] || refuse "a key stands in what everybody may read: $keys"
    # Paths like tls/server.pem lead to where keys and certificates live by themselves.
    ln -s ../../tls "$stage/tls"
    # What it suspends; what was suspended here stays in force beside it.
    mkdir -p "$stage/acl/suspended"
    mv "$stage/acl/suspended" "$stage/brought"
}

refuse() {
    # It may quote the candidate, which no terminal shall act on.
    printf '%s\n' "$*" | tr -d '\000-\010\013-\037\177' | sed -e "s|$stage/||g" -e 's|^|apply: |' >&2
    echo "apply: refused, and nothing has changed" >&2
    refused=yes
    exit 1
}

# As Weir's user, with all that will be suspended.
check() {
    mkdir "$stage/acl/suspended"
    find "$root/suspended" -maxdepth 1 -name '*.yaml' -exec cp {} "$stage/acl/suspended/" \;
    for file in "$stage"/brought/*.yaml; do
        [ ! -e "$file" ] || cp "$file" "$stage/acl/suspended/brought-${file##*/}"
    done
    said=$(as_weir "$weir" check -c "$stage/weir.yaml" 2>&1) || refuse "$said"
    rm -r "$stage/acl/suspended"
    ln -s ../../../suspended "$stage/acl/suspended"
}

as_weir() {
    if [ "$(id -u)" -eq 0 ] && id "$user" >/dev/null 2>&1; then
        setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups -- "$@"
    else
        "$@"
    fi
}

same() { [ -e "$root/current" ] && diff -r --no-dereference "$stage" "$root/current/" >/dev/null && unsuspended; }

# Whether each suspension that is brought stands where Weir reads it.
unsuspended() {
    for file in "$stage"/brought/*.yaml; do
        [ ! -e "$file" ] || cmp -s "$file" "$root/suspended/brought-${file##*/}" || return 1
    done
}

tell() {
    [ -e "$root/current" ] || return 0
    as_weir "$weir" diff "$root/current/acl" "$stage/acl" || [ $? -eq 1 ] || cannot "weir diff does not understand it"
}

swap() {
    release=releases/$(date -u +%Y%m%dT%H%M%S.%NZ)
    sync -f "$stage"
    mv -T "$stage" "$root/$release"
    # What takes a right away comes first, and what gives it back last. Under a name of its own: no candidate replaces, and
    # none ends, what somebody suspended here.
    for file in "$root/$release"/brought/*.yaml; do
        [ -e "$file" ] || continue
        cp "$file" "$root/releases/.new-suspension"
        mv -T "$root/releases/.new-suspension" "$root/suspended/brought-${file##*/}"
    done
    link "$release" current
}

# What is left to do when the new one is in force, also of a run that was ended there.
settle() {
    for name in acl weir.yaml; do
        [ -L "$root/$name" ] || link "current/$name" "$name"
    done
    for file in "$root"/suspended/brought-*.yaml; do
        [ ! -e "$file" ] || [ -e "$root/current/brought/${file##*/brought-}" ] || rm -f "$file"
    done
    sync -f "$root"
    in_force=$(readlink "$root/current")
    find "$root/releases" -mindepth 1 -maxdepth 1 -type d -name '2*' | sort | head -n -"$kept" | while read -r old; do
        [ "releases/${old##*/}" = "$in_force" ] || rm -rf "$old"
    done
}

# TARGET NAME: in one step, for whoever looks.
link() {
    ln -sfn "$1" "$root/.new-link"
    mv -T "$root/.new-link" "$root/$2"
}

main "$@"
