#!/usr/bin/env bash
# Does all that nbd promises hold with the libnbd of another Debian, too? `bin/soak libnbd` runs this.
#
#   nbd/src/test/suite/lab.sh [--test NAME] [SUITE...]
#
# Runs the tests of the module nbd (hangs, cancelling, TLS, odd answers, extents, random requests) in the root of that Debian (trixie,
# unless others are named): with its libnbd, GnuTLS, qemu and nbdkit, with our JDK, and with a /tmp and processes of their own. Needs root.
# The first run makes the Debian (a minute, from the mirrors of apt) and keeps it in ~/.cache/migratekit.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../../.." && pwd)
# shellcheck source=bin/lib.sh
. "$root/bin/lib.sh"

[[ $EUID = 0 ]] || die "only root can enter the root of another Debian; this was not tried."
# In a mount namespace of its own, so that nothing of what is mounted there outlives this; and a PID 1 that ends what is left.
if [[ -z ${MIGRATEKIT_SUITE_LAB:-} ]]; then
    MIGRATEKIT_SUITE_LAB=yes exec unshare --mount --pid --fork --kill-child --mount-proc "${BASH_SOURCE[0]}" "$@"
fi
tests=()
if [[ ${1:-} = --test ]]; then
    tests=("-Dtest=${2:?}")
    shift 2
fi
suites=("$@")
((${#suites[@]})) || suites=(trixie)
"$root/bin/setup" lab
require_tools
cache=${XDG_CACHE_HOME:-$HOME/.cache}/migratekit
repository=${HOME:?}/.m2
scratch=$(mktemp -d -p "${TMPDIR:-/var/tmp}")
trap 'rm -rf "$scratch"' EXIT
packages=libnbd0,libnbd-bin,libxxhash0,xxhash,nbdkit,qemu-utils,openssh-server,openssh-client,openssl,procps,iproute2

make_debian() {
    [[ ! -d $1 ]] || return 0
    say "libnbd: making a Debian, $2, once"
    mkdir -p "$cache"
    rm -rf "$1.new"
    mmdebstrap --quiet --variant=minbase "--include=$packages" "$2" "$1.new" > "$scratch/said" 2>&1 ||
        die "mmdebstrap failed: $(tail -n 5 "$scratch/said")"
    mv "$1.new" "$1"
}

# Surefire is told that this is the java: it runs the real one in there.
write_java() {
    mkdir -p "$scratch/bin"
    cat > "$scratch/bin/java" << END
#!/bin/sh
exec chroot '$1' /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root LC_ALL=C.UTF-8 \\
    /bin/sh -c 'cd "\$1" && shift && exec "\$@"' sh "\$PWD" '$jdk/bin/java' "\$@"
END
    chmod 755 "$scratch/bin/java"
}

bind() {
    mkdir -p "$2"
    mount --bind "$1" "$2"
    [[ ${3:-} = rw ]] || mount -o remount,bind,ro "$2"
}

say "libnbd: compiling"
maven -q -pl nbd test-compile
for suite in "${suites[@]}"; do
    debian=$cache/libnbd-$suite-1
    make_debian "$debian" "$suite"
    for folder in "$jdk" "$repository" "$root" /proc /sys /dev /tmp; do mkdir -p "$debian$folder"; done
    bind "$jdk" "$debian$jdk"
    bind "$repository" "$debian$repository"
    bind "$root" "$debian$root"
    bind "$root/nbd/target" "$debian$root/nbd/target" rw # Surefire's reports
    mount -t proc proc "$debian/proc"
    mount --rbind /sys "$debian/sys"
    mount --rbind /dev "$debian/dev"
    mount -t tmpfs -o mode=1777 tmpfs "$debian/tmp"
    write_java "$debian"
    # shellcheck disable=SC2016 # dpkg-query puts these in
    say "libnbd: $suite has $(chroot "$debian" dpkg-query -W -f '${Package} ${Version}, ' libnbd0 qemu-utils nbdkit | sed 's/, $//')"
    if maven -pl nbd surefire:test "-Djvm=$scratch/bin/java" "${tests[@]}" > "$scratch/said" 2>&1; then
        say "libnbd: $suite: $(grep -o 'Tests run: .*' "$scratch/said" | tail -n 1) ($SECONDS s)"
    else
        grep -E '<<<|Tests run|^\[ERROR\]' "$scratch/said" | tail -n 60 >&2
        die "libnbd: $suite: FAILED after $SECONDS s"
    fi
done
say "libnbd: all well after $SECONDS s"
