#!/bin/sh
# kustomize, which is part of kubectl, and the schemas of Kubernetes: target/tools/kustomize, target/tools/kubernetes. Quick
# when they are there already.
set -eu
cd "$(dirname "$0")"
target=${CARGO_TARGET_DIR:-../../target}
mkdir -p "$target/tools"
tools=$(cd "$target/tools" && pwd)

cmp -s go.sum "$tools/kustomize.sum" || {
    go build -mod=readonly -o "$tools/kustomize" sigs.k8s.io/kustomize/kustomize/v5
    cp go.sum "$tools/kustomize.sum"
}
cmp -s requirements.txt "$tools/kubernetes/installed" || {
    rm -rf "$tools/kubernetes"
    python3 -m venv "$tools/kubernetes"
    "$tools/kubernetes/bin/pip" install -q --disable-pip-version-check -r requirements.txt
    # It brings the schemas of every version: 100 MB.
    for version in "$tools"/kubernetes/lib/python3*/site-packages/kubernetes_validate/kubernetes-json-schema/*; do
        case $version in *v1.30.0* | *v1.37.0*) ;; *) rm -r "$version" ;; esac
    done
    cp requirements.txt "$tools/kubernetes/installed"
}
