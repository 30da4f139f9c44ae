#!/usr/bin/env bash
# Starts a container engine of our own for tests, or stops it: engine.sh start FOLDER, engine.sh stop FOLDER.
#
# start prints what the tests want in their environment, as NAME=VALUE lines. The engine has its own data and socket in
# FOLDER, publishes on loopback only and touches neither the firewall nor the engine of somebody else. The image, a Debian
# with sshd, qemu-nbd and our JDK, is made with apt's own mirror, once, and kept as a tar in the user's cache. Needs root,
# or sudo.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../../.." && pwd)
# shellcheck source=bin/lib.sh
. "$root/bin/lib.sh"
PATH=/usr/bin:/usr/sbin:/sbin:$PATH

[[ $# = 2 ]] || die "usage: engine.sh start|stop FOLDER"
folder=$2
packages=openssh-server,qemu-utils,libnbd0,libxxhash0

as_root() { if [[ $EUID = 0 ]]; then "$@"; else sudo -n "$@"; fi; }

# Prints the tar of the image; makes it if there is none for these packages and this JDK.
image_tar() {
    local cache=${XDG_CACHE_HOME:-$HOME/.cache}/migratekit jdk codename key tar
    jdk=$(find_jdk) || die "there is no JDK 25; run bin/setup"
    # The JDK is this machine's, so the Debian around it has to be, too.
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
    key=$( (declare -f image_tar && echo "$packages $codename" && cat "$jdk/release") | sha256sum)
    tar=$cache/hub-image-${key:0:12}.tar
    if [[ ! -s $tar ]]; then
        say "making the image of a hub, once"
        mkdir -p "$cache"
        as_root rm -rf "$cache"/hub-image-*.tar*
        # shellcheck disable=SC2016 # $1 is the root, and known to mmdebstrap alone.
        as_root mmdebstrap --quiet --format=tar --variant=minbase --include="$packages" \
            --customize-hook='mkdir -p "$1/opt/jdk"' --customize-hook="sync-in $(readlink -f "$jdk") /opt/jdk" \
            --customize-hook='rm -rf "$1/opt/jdk/lib/src.zip" "$1/opt/jdk/jmods" "$1/etc/ssh/"ssh_host_*' \
            "$codename" "$tar.$$" >&2 || die "the image cannot be made"
        as_root chown "$(id -u)" "$tar.$$"
        mv "$tar.$$" "$tar"
    fi
    echo "$tar"
}

running() { [[ -s $folder/dockerd.pid && -d /proc/$(cat "$folder/dockerd.pid") ]]; }

start() {
    local tar image number=$((RANDOM % 16384))
    command -v dockerd > /dev/null || die "there is no dockerd; run bin/setup"
    tar=$(image_tar)
    mkdir -p "$folder"
    # A bridge of our own: docker0 may be somebody's who uses Docker here.
    echo "mkengine$number" > "$folder/bridge"
    as_root ip link add "mkengine$number" type bridge
    as_root ip address add "10.$((128 + number / 256)).$((number % 256)).1/24" dev "mkengine$number"
    as_root ip link set "mkengine$number" up
    as_root dockerd --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/dockerd.pid" \
        --bridge "mkengine$number" -H "unix://$folder/docker.sock" --group "$(id -gn)" --iptables=false \
        --ip6tables=false --ip-forward=false --ip-masq=false --ip 127.0.0.1 > "$folder/log" 2>&1 < /dev/null &
    export DOCKER_HOST=unix://$folder/docker.sock
    for _ in {1..150}; do
        docker version > /dev/null 2>&1 && break
        sleep 0.2
    done
    docker version > /dev/null 2>&1 ||
        die "this machine cannot run a container engine; the last words of dockerd: $(tail -n 5 "$folder/log")"
    image=localhost/migratekit/hub:test
    docker import "$tar" "$image" > /dev/null
    echo "DOCKER_HOST=$DOCKER_HOST"
    echo "MIGRATEKIT_HUB_IMAGE=$image"
    # Its helper, which clears up behind a killed JVM, comes from a registry; here `stop` does that.
    echo "TESTCONTAINERS_RYUK_DISABLED=true"
    echo "TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1"
}

stop() {
    local pid
    [[ -d $folder ]] || return 0
    if running; then
        pid=$(cat "$folder/dockerd.pid")
        export DOCKER_HOST=unix://$folder/docker.sock
        docker ps --all --quiet | xargs --no-run-if-empty docker rm --force > /dev/null || true
        as_root kill "$pid" || true
        for _ in {1..150}; do [[ -d /proc/$pid ]] || break; sleep 0.1; done
        [[ ! -d /proc/$pid ]] || as_root kill -KILL "$pid"
    fi
    [[ ! -s $folder/bridge ]] || as_root ip link delete "$(cat "$folder/bridge")" || true
    as_root umount "$folder/exec/netns/default" 2> /dev/null || true
    as_root rm -rf "$folder"
}

case $1 in
    start) start ;;
    stop) stop ;;
    *) die "usage: engine.sh start|stop FOLDER" ;;
esac
