#!/usr/bin/env bash
# Do our units do under a real systemd what docs/operations.md promises? `bin/soak systemd` runs this.
#
# Boots a minimal Debian in a container that is thrown away, installs the units as a package would, and runs a tunnel to
# a real sshd in a network namespace beside it, then a hub (lab_hub.sh). Needs root. The first run makes the Debian (a minute or two, from the
# mirror of apt) and keeps it in ~/.cache/migratekit; a later one takes twenty seconds.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=bin/lib.sh
. "$root/bin/lib.sh"

[[ $EUID = 0 ]] || die "only root can boot a container; this was not tried."
"$root/bin/setup" lab
PATH=$PATH:/usr/sbin:/sbin
"$root/bin/migratekit" --version > /dev/null
jdk=$(find_jdk)
layout=$root/cli/target/migratekit

debian=${XDG_CACHE_HOME:-$HOME/.cache}/migratekit/systemd-bookworm-2
scratch=$(mktemp -d)
number=$((RANDOM % 16384))
here=mk-lab-$number
hub=mk-labhub-$number
net=10.$((128 + number / 256)).$((number % 256))
unit=migratekit-tunnel@hub
sshd=
# shellcheck source=systemd/container.sh
. "$root/systemd/container.sh"

finish() {
    local status=$?
    [[ $status = 0 ]] || journal | tail -n 60 >&2 || true
    [[ -z $sshd ]] || kill "$sshd" || true
    stop_containers
    ip netns del "$here" 2> /dev/null || true
    ip netns del "$hub" 2> /dev/null || true
    rm -rf "$scratch"
    if [[ $status = 0 ]]; then say "systemd: all well after $SECONDS s"; else say "systemd: FAILED after $SECONDS s"; fi
    exit "$status"
}
trap finish EXIT

step() { say "systemd: $* ($SECONDS s)"; }
in_lab() { on lab "$@"; }
journal() { in_lab journalctl --no-pager -o cat -u "$unit"; }
show() { in_lab systemctl show --value -p "$1" "$unit"; }

# ---- the two machines

if [[ ! -d $debian ]]; then
    step "making a minimal Debian, once"
    mkdir -p "${debian%/*}"
    rm -rf "$debian.new"
    mmdebstrap --quiet --variant=minbase --include=systemd-sysv,libnbd0,libxxhash0,qemu-utils bookworm "$debian.new" > "$scratch/debian.log" 2>&1 ||
        die "mmdebstrap failed: $(tail -n 5 "$scratch/debian.log")"
    mv "$debian.new" "$debian"
fi

ip netns add "$here"
ip netns add "$hub"
ip link add eth0 netns "$here" type veth peer name eth0 netns "$hub"
ip -n "$here" address add "$net.1/30" dev eth0
ip -n "$hub" address add "$net.2/30" dev eth0
for one in "$here" "$hub"; do
    ip -n "$one" link set eth0 up
    ip -n "$one" link set lo up
done

canary=canary-$RANDOM$RANDOM$RANDOM
mkdir -p "$scratch/ssh" "$scratch/lab" /run/sshd
ssh-keygen -q -t ed25519 -N '' -f "$scratch/ssh/host_key"
printf '%s\n' "$canary" > "$scratch/lab/passphrase"
# The only secrets that this run has are made for it; ssh-keygen cannot read them from anywhere but its command line.
ssh-keygen -q -t ed25519 -N "$canary" -f "$scratch/lab/hub.key"
cp "$scratch/lab/hub.key.pub" "$scratch/ssh/authorized_keys"
echo "$net.2 $(cat "$scratch/ssh/host_key.pub")" > "$scratch/lab/known_hosts"
cat > "$scratch/ssh/sshd_config" << EOF
ListenAddress $net.2
Port 22
HostKey $scratch/ssh/host_key
PidFile $scratch/ssh/sshd.pid
AuthorizedKeysFile $scratch/ssh/authorized_keys
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
EOF
cat > "$scratch/lab/migratekit.toml" << EOF
[tunnel.hub]
host = "$net.2"
user = "$(id -un)"
key = "credential:key"
passphrase-file = "credential:passphrase"
known-hosts = "known_hosts"
keepalive = "500ms"
timeout = "3s"
EOF
cat > "$scratch/lab/migratekit" << EOF
#!/bin/sh
exec "$jdk/bin/java" "@/opt/migratekit/lib/jvm.args" -jar /opt/migratekit/lib/migratekit.jar "\$@"
EOF
chmod 755 "$scratch/lab/migratekit"
cp "$root"/systemd/migratekit* "$scratch/lab/"

start_sshd() {
    ip netns exec "$hub" /usr/sbin/sshd -D -e -f "$scratch/ssh/sshd_config" > "$scratch/sshd.log" 2>&1 &
    sshd=$!
}

step "booting"
boot_container lab --directory="$debian" --volatile=overlay --network-namespace-path="/run/netns/$here" \
    --bind-ro="$jdk" --bind-ro="$layout:/opt/migratekit" --bind-ro="$scratch/lab:/opt/lab"

step "installing the units"
in_lab sh -euc '
    install -m 755 /opt/lab/migratekit /usr/bin/migratekit
    install -m 644 /opt/lab/migratekit-tunnel@.service /etc/systemd/system/
    install -m 644 -D /opt/lab/migratekit.sysusers /etc/sysusers.d/migratekit.conf
    install -m 644 -D /opt/lab/migratekit.tmpfiles /etc/tmpfiles.d/migratekit.conf
    systemd-sysusers
    systemd-tmpfiles --create
    install -m 644 /opt/lab/migratekit.toml /opt/lab/known_hosts /etc/migratekit/
    install -m 600 /opt/lab/hub.key /etc/migratekit/tunnel/hub.key
    install -m 600 -D /opt/lab/passphrase /etc/credstore/migratekit-tunnel-hub-passphrase
    mkdir -p /etc/systemd/system/migratekit-tunnel@hub.service.d
    printf "[Service]\nWatchdogSec=6s\n" > /etc/systemd/system/migratekit-tunnel@hub.service.d/quick.conf
    systemctl daemon-reload'

# ---- what the unit promises

step "without a hub it is activating, and says why"
in_lab systemctl start --no-block migratekit-tunnel@hub
await 30 'down' show StatusText
[[ $(show ActiveState) = activating ]] || die "it claims to be $(show ActiveState) while there is no hub"
journal | grep -q "tunnel=hub down: .*connection refused" || die "the journal does not say why it is down"
online=$(in_lab systemctl show --value -p ActiveEnterTimestampMonotonic network-online.target)
began=$(show ExecMainStartTimestampMonotonic)
((online > 0 && online <= began)) || die "it was started at $began, the network was there at $online"

step "with the hub it becomes active"
start_sshd
await 60 '^active$' show ActiveState
[[ $(show StatusText) = "hub up since "* ]] || die "its status is: $(show StatusText)"
journal | grep -q "tunnel=hub up server=SSH-2.0-OpenSSH" || die "the journal does not say that it is up"
owner=$(in_lab stat -c %U "/proc/$(show MainPID)")
[[ $owner = migratekit ]] || die "it runs as $owner"
in_lab migratekit tunnel status hub > "$scratch/status" || die "tunnel status: $(cat "$scratch/status")"
grep -q "^hub: up since " "$scratch/status" || die "tunnel status: $(cat "$scratch/status")"
[[ $(show NRestarts) = 0 ]] || die "it was started again meanwhile"

step "the watchdog ends a service that stands still"
before=$(show MainPID)
in_lab sh -c "kill -STOP $before"
await 30 'Watchdog timeout' journal
await 30 '^[1-9]' show NRestarts
await 30 '^active$' show ActiveState
[[ $(show MainPID) != "$before" ]] || die "the process that stood still is still there"

step "a service that is killed comes back"
before=$(show MainPID)
in_lab sh -c "kill -KILL $before"
await 30 '^2$' show NRestarts
await 30 '^active$' show ActiveState

step "no secret is told"
pid=$(show MainPID)
in_lab sh -c "tr '\0' '\n' < /proc/$pid/environ; tr '\0' ' ' < /proc/$pid/cmdline; systemctl show migratekit-tunnel@hub;
    migratekit tunnel status --json; journalctl --no-pager" > "$scratch/told"
grep -q "tunnel=hub up" "$scratch/told" || die "nothing was told at all"
! grep -qF "$canary" "$scratch/told" || die "the passphrase was told"
while IFS= read -r line; do
    [[ $line = -----* ]] || ! grep -qF "$line" "$scratch/told" || die "a line of the private key was told"
done < "$scratch/lab/hub.key"

step "it stops within five seconds"
began=${EPOCHREALTIME/[.,]/}
in_lab systemctl stop migratekit-tunnel@hub
took=$(((${EPOCHREALTIME/[.,]/} - began) / 1000))
((took < 5000)) || die "stopping took $took ms"
[[ $(show Result) = success && $(show ActiveState) = inactive ]] || die "it ended as $(show ActiveState), $(show Result)"
! in_lab test -e /run/migratekit/hub.sock || die "its socket is still there"

step "a mistake in the configuration is not tried again"
in_lab sh -c 'echo "nonsense = 1" >> /etc/migratekit/migratekit.toml'
in_lab systemctl start migratekit-tunnel@hub 2> /dev/null || true
await 20 '^failed$' show ActiveState
sleep 3
[[ $(show ActiveState) = failed && $(show ExecMainStatus) = 2 && $(show NRestarts) = 0 ]] ||
    die "after a mistake it is $(show ActiveState) with $(show ExecMainStatus), started again $(show NRestarts) times"

# shellcheck source=systemd/lab_hub.sh
. "$root/systemd/lab_hub.sh"
