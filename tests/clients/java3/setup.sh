#!/bin/sh
# Builds this client into target/clients/.
set -eu
cd "$(dirname "$0")"
out=../../../target/clients/$(basename "$PWD")
if [ -f "$out/client.jar" ] && [ -z "$(find pom.xml ../java/src -newer "$out/client.jar")" ]; then exit 0; fi
exec mvn -q -B package
