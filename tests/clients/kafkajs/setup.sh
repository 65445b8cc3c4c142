#!/bin/sh
# Installs what this client needs into target/clients/.
set -eu
cd "$(dirname "$0")"
out=../../../target/clients/$(basename "$PWD")
mkdir -p "$out"
if [ -d "$out/node_modules" ] && cmp -s package-lock.json "$out/package-lock.json"; then
    cp client.js steps.js "$out/"
    exit 0
fi
cp package.json package-lock.json client.js steps.js .npmrc "$out/"
cd "$out"
exec npm ci --no-audit --no-fund --loglevel=error
