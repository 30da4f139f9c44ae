#!/usr/bin/env bash
# Makes the layout's AOT cache: runs the real program once and keeps what the JVM had to load and link for it.
#
# The build calls this last (see pom.xml) and tells when it began. Without a cache migratekit works, only slower to
# start; so nothing here fails a build, and bin/verify is where a missing cache is an error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

began=$1
java=$TOOLCHAIN_JAVA_HOME/bin/java # Maven's exec plugin sets it.
layout=$PWD/target/migratekit
cache=$layout/lib/migratekit.aot
log=$PWD/target/train.log
# Profiles of methods, which a cache also holds, make a JVM compile eagerly: for commands as short as ours a loss.
no_profiles=(-XX:+UnlockDiagnosticVMOptions -XX:+IgnoreUnrecognizedVMOptions -XX:-AOTRecordTraining)
train=("$java" "@$layout/lib/jvm.args" "${no_profiles[@]}" "-XX:AOTCacheOutput=$cache")

state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
rm -f "$cache" "$layout/java"
# A disk with data, zeroes and holes is served on a Unix socket for as long as the program runs.
if [[ -e target/classes/io/migratekit/cli/AotTraining.class ]] && command -v nbdkit > /dev/null; then
    run=("${train[@]}" -classpath "$layout/lib/migratekit.jar" io.migratekit.cli.AotTraining)
    # nbdkit's shell, not ours, fills in the URI.
    # shellcheck disable=SC2016
    train=(nbdkit -U - data '@0x10000 "data" @0x20000 0*4096' size=1M --run "$(printf '%q ' "${run[@]}")"' "$uri" '"$(printf %q "$state")")
else
    echo "train.sh: nbdkit or AotTraining is missing, so only --help is trained."
    train+=(-jar "$layout/lib/migratekit.jar" --help)
fi
if ! "${train[@]}" > "$log" 2>&1; then
    rm -f "$cache"
    echo "train.sh: no AOT cache was made; see $log. It ends with: $(tail -n 1 "$log")"
fi

# Only this JDK can use the cache. To bin/migratekit the file's time says which sources are not in the layout yet.
echo "$java" > "$layout/java"
touch -d "$began" "$layout/java"
