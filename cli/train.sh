#!/usr/bin/env bash
# Makes the layout's AOT cache: runs the real program once and keeps what the JVM had to load and link for it.
#
# The build calls this last (see pom.xml) and tells when it began; bin/package has a layout of its own. Without a cache
# migratekit works, only slower to start; so nothing here fails a build, and bin/verify and bin/package are where a
# missing cache is an error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

began=$1
java=$TOOLCHAIN_JAVA_HOME/bin/java # Maven's exec plugin sets it.
layout=${2:-$PWD/target/migratekit}
cache=$layout/lib/migratekit.aot
log=$PWD/target/train.log
# Profiles of methods, which a cache also holds, make a JVM compile eagerly: for commands as short as ours a loss.
no_profiles=(-XX:+UnlockDiagnosticVMOptions -XX:+IgnoreUnrecognizedVMOptions -XX:-AOTRecordTraining)
train=("$java" "@$layout/lib/jvm.args" "${no_profiles[@]}" "-XX:AOTCacheOutput=$cache")

state=$(mktemp -d)
sshd=
hub=
stop() {
    if [[ -n $sshd ]]; then kill "$sshd" 2> /dev/null || true; fi
    if [[ -n $hub ]]; then
        kill "$hub" 2> /dev/null || true
        wait "$hub" || true # Or its files come back after they were removed.
    fi
    rm -rf "$state"
}
trap stop EXIT
rm -f "$cache" "$layout/java"

# Starts an sshd for this user alone, and sets ssh to what leads through it; without OpenSSH that is not trained.
ssh=()
start_sshd() {
    local home=$state/ssh port
    command -v ssh-keygen > /dev/null && [[ -x /usr/sbin/sshd ]] || return 0
    mkdir "$home"
    ssh-keygen -q -t ed25519 -N "" -C training -f "$home/host_key"
    ssh-keygen -q -t ed25519 -N "" -C training -f "$home/user_key"
    cp "$home/user_key.pub" "$home/authorized_keys"
    if [[ $EUID -eq 0 ]]; then mkdir -p /run/sshd; fi
    for _ in 1 2 3; do
        port=$((20000 + RANDOM % 20000))
        /usr/sbin/sshd -D -e -f /dev/null -h "$home/host_key" -o "ListenAddress=127.0.0.1:$port" -o PidFile=none \
            -o "AuthorizedKeysFile=$home/authorized_keys" -o StrictModes=no -o UsePAM=no \
            -o PasswordAuthentication=no > "$home/log" 2>&1 &
        sshd=$!
        for _ in {1..50}; do
            if grep -q "Server listening" "$home/log"; then
                echo "[127.0.0.1]:$port $(cat "$home/host_key.pub")" > "$home/known_hosts"
                ssh=("--ssh=127.0.0.1:$port" "--ssh-key=$home/user_key" "--ssh-known-hosts=$home/known_hosts")
                return
            fi
            kill -0 "$sshd" 2> /dev/null || break
            sleep 0.1
        done
        kill "$sshd" 2> /dev/null || true
    done
}
start_sshd

# A hub for the commands that ask one; without qemu-nbd these are not trained.
api=
start_hub() {
    command -v qemu-nbd > /dev/null || return 0
    mkdir "$state/hub"
    "$java" "@$layout/lib/jvm.args" -jar "$layout/lib/migratekit.jar" hub serve --repository "$state/hub/repository" \
        --listen "unix:$state/hub/api" --exports "unix:$state/hub/exports" --reserve 0 > "$state/hub/log" 2>&1 &
    hub=$!
    for _ in {1..150}; do
        if [[ -S $state/hub/api ]]; then
            api=$state/hub/api
            return
        fi
        kill -0 "$hub" 2> /dev/null || break
        sleep 0.1
    done
    echo "train.sh: no hub came up, so what asks one is not trained: $(tail -n 1 "$state/hub/log")"
}
start_hub

# A disk with data, zeroes and holes is served on a Unix socket for as long as the program runs.
if [[ -e target/classes/io/migratekit/cli/AotTraining.class ]] && command -v nbdkit > /dev/null; then
    run=("${train[@]}" -classpath "$layout/lib/migratekit.jar" io.migratekit.cli.AotTraining)
    # nbdkit's shell, not ours, fills in the URI.
    # shellcheck disable=SC2016
    train=(nbdkit -U - data '@0x10000 "data" @0x20000 0*4096' size=1M --run "$(printf '%q ' "${run[@]}")"' "$uri" '"$(printf '%q ' "$state" "$api" "${ssh[@]}")")
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
