#!/bin/sh
# Sets up what the rows `end-to-end` and `delay` need, in target/bench/end-to-end: Kafka's jars, the Java reader, the
# librdkafka reader. Quick when all is there. What is missing is named, with what to type, also in the file `missing`,
# from where the bench tells it.
set -u

root=$(CDPATH= cd -- "$(dirname -- "$0")/../../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
version=4.3.1

main() {
    mkdir -p "$target/bench/end-to-end"
    home=$(CDPATH= cd -- "$target/bench/end-to-end" && pwd)
    rm -f "$home/ready" "$home/missing"
    tools || lacks "a JDK from 17 on, and Maven; type: sudo apt-get install -y default-jdk-headless maven"
    "$root/tests/kafka/fetch.sh" "$version" || lacks "Apache Kafka $version; type: tests/kafka/fetch.sh $version"
    ln -sfn "$(CDPATH= cd -- "$target/kafka/$version" && pwd)" "$home/kafka"
    java_reader || lacks "the Java reader: javac failed"
    librdkafka_reader || lacks "the librdkafka reader; it needs a C compiler, make and perl: sudo apt-get install -y build-essential perl"
    touch "$home/ready"
}

tools() {
    if ! { command -v java && command -v javac && command -v mvn; } >/dev/null; then
        [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return 1
        echo "bench: installing a JDK and Maven"
        export DEBIAN_FRONTEND=noninteractive
        timeout -k 10 300 apt-get update -q >"$home/apt.log" 2>&1
        timeout -k 10 900 apt-get install -q -y --no-install-recommends default-jdk-headless maven >>"$home/apt.log" 2>&1 \
            || return 1
    fi
    [ "$(javac -version 2>&1 | sed -n 's/^javac \([0-9]*\).*/\1/p')" -ge 17 ]
}

java_reader() {
    source=$root/tests/bench/clients/java/Reader.java
    [ "$home/java/Reader.class" -nt "$source" ] && return 0
    timeout 120 javac --release 17 -d "$home/java" -cp "$home/kafka/*" "$source"
}

librdkafka_reader() {
    cargo build --quiet --release --manifest-path "$root/Cargo.toml" -p weir-bench-rdkafka \
        && ln -f "$target/release/weir-bench-rdkafka" "$home/rdkafka"
}

lacks() {
    echo "bench: MISSING: $1"
    echo "$1" >"$home/missing"
    exit 0
}

main
