#!/bin/sh
# Builds this client. The features of the whole workspace, so that librdkafka is built once.
set -eu
cd "$(dirname "$0")/../../.."
exec cargo build --quiet --workspace --bin weir-client-rdkafka
