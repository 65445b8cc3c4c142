#!/bin/sh
# Builds this client into target/clients/.
set -eu
cd "$(dirname "$0")"
exec go build -mod=readonly -o "../../../target/clients/$(basename "$PWD")/client" .
