#!/bin/sh
# Builds this client into target/clients/.
set -eu
cd "$(dirname "$0")"
out=../../../target/clients/$(basename "$PWD")
go build -mod=readonly -o "$out/client" .
exec go build -mod=readonly -o "$out/steps" ./steps
