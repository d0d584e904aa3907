#!/bin/sh
# Prints the class path of an Apache Kafka broker; fetches it by Maven the first time.
# Kept in tests/.cache, renewed when pom.xml changes or a file has gone.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=$here/../../.cache/kafka
path=$cache/classpath
whole() {
    [ -s "$path" ] && [ "$path" -nt "$here/pom.xml" ] || return 1
    for jar in $(tr ':' ' ' < "$path"); do
        [ -f "$jar" ] || return 1
    done
}
if ! whole; then
    command -v mvn > /dev/null || { echo "no Maven to fetch Kafka with" >&2; exit 1; }
    mkdir -p "$cache"
    new=$cache/classpath.$$
    mvn -q -B -f "$here/pom.xml" dependency:build-classpath "-Dmdep.outputFile=$new" > "$cache/maven.log" 2>&1 || {
        echo "Maven could not fetch Kafka: $(grep -m 1 ERROR "$cache/maven.log" || tail -n 1 "$cache/maven.log")" >&2
        exit 1
    }
    mv "$new" "$path"
fi
cat "$path"
