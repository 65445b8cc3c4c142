#!/bin/sh
# Everything that `make test` runs. The last line counts over all runners: N passed, N failed, N skipped.
# Status 1 on a failure, and under CI=true on a skip. Every step is bounded.
set -u

cd "$(dirname "$0")/.." || exit 1
target=${CARGO_TARGET_DIR:-$PWD/target}
passed=0
failed=0
skipped=0
child=
teller=
preparer=

main() {
    mkdir -p "$target"
    : >"$target/skips"
    : >"$target/differs"
    : >"$target/test.log"
    exec 8>&1
    trap stop INT TERM
    # It fetches while the other compiles: neither needs the other.
    timeout -k 30 2400 tests/setup.sh >"$target/setup-told.log" 2>&1 &
    preparer=$!
    step "format" 120 cargo fmt --all --check
    step "clippy" 1800 cargo clippy --quiet --workspace --all-targets -- -D warnings
    # With all targets, so that the features are those of the tests, and nothing is built twice.
    if step "build" 1800 cargo build --quiet --workspace --all-targets; then
        setup
        cargo_tests
        step "demo" 300 make --no-print-directory demo CHECK=1
    fi
    deny
    finish
}

setup() {
    step_begins "setup"
    wait "$preparer"
    status=$?
    preparer=
    cat "$target/setup-told.log"
    if [ "$status" -eq 0 ]; then
        passed=$((passed + 1))
    elif [ "${CI:-}" = true ]; then
        failed=$((failed + 1))
        finish
    else
        echo "SKIPPED: setup is not complete, and tests that need what is missing are skipped"
    fi
}

# NAME SECONDS COMMAND...: one check.
step() {
    step_begins "$1"
    limit=$2
    name=$1
    shift 2
    if bounded "$limit" "$@"; then
        passed=$((passed + 1))
        return 0
    fi
    failed=$((failed + 1))
    echo "FAILED: $name"
    return 1
}

# SECONDS COMMAND...: `timeout` makes a process group of its own, which Ctrl-C does not reach; `stop` does.
bounded() {
    timeout -k 30 "$@" &
    child=$!
    wait "$child"
}

stop() {
    kill $child $teller $preparer 2>/dev/null
    wait
    # A step's own output may go to a file just now.
    echo "interrupted: $passed passed, $failed failed, $skipped skipped so far" >&8
    exit 130
}

step_begins() { echo "== $1 ($(date +%H:%M:%S))"; }

cargo_tests() {
    step_begins "tests"
    WEIR_BIN=$target/debug/weir
    export WEIR_BIN
    "$target/debug/leakscan" clear
    : >"$target/test.log"
    tail -n +1 -f "$target/test.log" &
    teller=$!
    bounded 2400 cargo test --workspace --no-fail-fast >>"$target/test.log" 2>&1
    status=$?
    sleep 1
    kill "$teller"
    teller=
    # test result: ok. 4 passed; 0 failed; 1 ignored; ...
    counts=$(awk '/^test result: / { p += $4; f += $6; i += $8 } END { print p + 0, f + 0, i + 0 }' "$target/test.log")
    read -r good bad ignored <<COUNTS
$counts
COUNTS
    # A test that skips itself returns, and libtest counts it as passed.
    told=$(wc -l <"$target/skips")
    passed=$((passed + good - told))
    skipped=$((skipped + told + ignored))
    # A test binary that died, or did not compile, has no result line.
    [ "$status" -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
    failed=$((failed + bad))
    step "leak scan" 300 "$target/debug/leakscan"
}

deny() {
    if ! command -v cargo-deny >/dev/null 2>&1 && [ ! -x "$target/tools/bin/cargo-deny" ]; then
        step_begins "install cargo-deny"
        # A tool that runs once needs no optimising.
        bounded 1500 env CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
            CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_TARGET_DIR="$target/tools/build" \
            cargo install --quiet --locked cargo-deny --root "$target/tools"
        rm -rf "$target/tools/build"
    fi
    PATH=$PATH:$target/tools/bin
    if ! command -v cargo-deny >/dev/null 2>&1; then
        skipped=$((skipped + 1))
        echo "SKIPPED: cargo-deny could not be installed: cargo install --locked cargo-deny"
        return
    fi
    step "cargo deny" 300 cargo-deny --all-features check --hide-inclusion-graph bans licenses sources
    advisories
}

# The advisory database is a repository on GitHub. Where it cannot be reached there is nothing to check against.
advisories() {
    step_begins "advisories"
    if bounded 120 cargo-deny check advisories >"$target/advisories.log" 2>&1; then
        passed=$((passed + 1))
    elif grep -q 'failed to fetch advisory database' "$target/advisories.log"; then
        echo "the advisory database cannot be reached from here; not checked"
    else
        cat "$target/advisories.log"
        failed=$((failed + 1))
        echo "FAILED: advisories"
    fi
}

# The end of what each failed test said, once more where the last lines are all that is seen.
failures() {
    awk '
        function told() { for (i = n > 40 ? n - 40 : 0; i < n; i++) print lines[i]; n = 0; is_in = 0 }
        /^---- .* stdout ----$/ { told(); print "== failed: " $2; is_in = 1; next }
        /^(failures:|test result: .*)$/ { told(); next }
        /^stack backtrace:$/ { is_trace = 1 }
        is_in && !is_trace { lines[n++] = $0 }
        /^note: / { is_trace = 0 }
        END { told() }' "$target/test.log"
}

finish() {
    # Where the build failed, nobody has waited for it.
    [ -z "$preparer" ] || kill "$preparer" 2>/dev/null
    failures
    if [ -s "$target/differs" ]; then
        echo "== differs from docs/refusals.md in words only; make refusals holds each word"
        cat "$target/differs"
    fi
    if [ -s "$target/skips" ]; then
        echo "== skipped"
        cat "$target/skips"
    fi
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ] || exit 1
    [ "$skipped" -eq 0 ] || [ "${CI:-}" != true ] || exit 1
    exit 0
}

main
