#!/bin/sh
# `make bench`: builds what is measured, fetches the peers, and measures. ONLY=row runs one row, ROUNDS=n sets how often
# each figure is taken.
set -eu

cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-$PWD/target}

cargo build --quiet --release -p weir -p weir-bench
tests/bench/setup.sh
case ${ONLY:-end-to-end} in end-to-end | delay) tests/bench/clients/setup.sh ;; esac

set -- --weir "$target/release/weir" --out "$target/bench"
[ -z "${ONLY:-}" ] || set -- "$@" --only "$ONLY"
[ -z "${ROUNDS:-}" ] || set -- "$@" --rounds "$ROUNDS"
exec timeout --foreground -k 10 2400 "$target/release/weir-bench" run "$@"
