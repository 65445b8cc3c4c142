#!/bin/sh
# Copies the jars of one version of Apache Kafka into target/kafka/VERSION. Quick when they are there already.
#   tests/kafka/fetch.sh 4.3.1
# 3 and 4 come with their tools; 1 and 2 with the ZooKeeper that they need, and without.
set -eu

version=${1:?"usage: fetch.sh VERSION, such as 4.3.1"}
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
base=${CARGO_TARGET_DIR:-$here/../../target}/kafka
jars=$base/$version

# The jar that came to this list last, which list it is, and what it must be told.
case $version in
    1.* | 2.[0-5].*) newest=slf4j-log4j12-1.7.25.jar list=old.xml told=-Dscala.version=2.12 ;;
    2.*) newest=slf4j-log4j12-1.7.25.jar list=old.xml told=-Dscala.version=2.13 ;;
    4.*) newest=connect-mirror-$version.jar list=pom.xml told=-Pwith-logger ;;
    *) newest=connect-mirror-$version.jar list=pom.xml told= ;;
esac
[ -f "$jars/$newest" ] && exit 0
command -v mvn >/dev/null || { echo "Apache Kafka needs Maven: apt-get install maven" >&2; exit 1; }
command -v flock >/dev/null || { echo "fetch.sh needs flock: apt-get install util-linux" >&2; exit 1; }

mkdir -p "$base"
base=$(CDPATH= cd -- "$base" && pwd)
exec 9>"$base/.lock"
flock -w 600 9 || { echo "another fetch of Kafka has held $base/.lock for ten minutes" >&2; exit 1; }
[ -f "$jars/$newest" ] && exit 0

part=$base/.$version.part
rm -rf "$part"
echo "fetching Apache Kafka $version with Maven" >&2
timeout 900 mvn -q -B -ntp -f "$here/$list" $told -Dkafka.version="$version" -Dkafka.jars="$part" \
    dependency:copy-dependencies >&2
# One that is there may be in use: it only gets what it lacks, the newest last.
if [ -d "$jars" ]; then
    for jar in "$part"/*.jar; do
        [ "$(basename "$jar")" = "$newest" ] || [ -e "$jars/$(basename "$jar")" ] || mv "$jar" "$jars/"
    done
    mv "$part/$newest" "$jars/"
    rm -rf "$part"
    exit 0
fi
# Otherwise it gets its name last: a directory that is there is a whole one.
mv "$part" "$jars"
