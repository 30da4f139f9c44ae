#!/usr/bin/env bash
# Do the Debian packages do what docs/operations.md promises, on machines without any Java? `bin/soak packages` runs this.
#
#   packaging/lab.sh [--twice | --packages FOLDER] [SUITE...]
#
# Makes the packages of what is committed, in two versions, and in a container with a bare Debian (bookworm, then trixie)
# installs, configures, backs up, upgrades meanwhile, restores, removes and purges. --twice builds a second time and
# compares the bytes; --packages takes those of a folder. Needs root. The first run makes the Debians (a minute, from the mirrors of apt) and keeps them
# in ~/.cache/migratekit.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=bin/lib.sh
. "$root/bin/lib.sh"

[[ $EUID = 0 ]] || die "only root can boot a container; this was not tried."
twice=
made=
case ${1:-} in
    --twice)
        twice=yes
        shift
        ;;
    --packages)
        made=$(realpath -- "${2:?}")
        shift 2
        ;;
esac
suites=("$@")
((${#suites[@]})) || suites=(bookworm trixie)
"$root/bin/setup" lab
PATH=$PATH:/usr/sbin:/sbin
cache=${XDG_CACHE_HOME:-$HOME/.cache}/migratekit
scratch=$(mktemp -d -p "${TMPDIR:-/var/tmp}")
# shellcheck source=systemd/container.sh
. "$root/systemd/container.sh"
here=mk-deb-$((RANDOM % 16384))
simulator=
what=packages
at_the_end=no

finish() {
    local status=$?
    # Ended in another way, the status may be that of the last command that was good.
    [[ $at_the_end = yes || $status != 0 ]] || status=1
    if [[ $status != 0 && -n $leader ]]; then in_lab journalctl --no-pager -o cat | tail -n 40 >&2 || true; fi
    end_machine
    rm -rf "$scratch"
    if [[ $status = 0 ]]; then say "packages: all well after $SECONDS s"; else say "$what: FAILED after $SECONDS s"; fi
    exit "$status"
}

end_machine() {
    stop_container
    if [[ -n $simulator ]]; then
        kill "$simulator" 2> /dev/null || true
        wait "$simulator" || true
    fi
    simulator=
    ip netns del "$here" 2> /dev/null || true
}
trap finish EXIT

step() { say "$what: $* ($SECONDS s)"; }

# ---- the packages

if [[ -n $made ]]; then
    cp -r "$made" "$scratch/debs"
    ls "$scratch"/debs/*.deb > "$scratch/made"
else
    "$root/bin/package" --version 1.0 --version 1.1 "$scratch/debs" > "$scratch/made"
fi
while IFS= read -r deb; do step "made ${deb##*/}, $(($(stat -c %s "$deb") / 1024)) KiB"; done < "$scratch/made"
if [[ -n $twice ]]; then
    "$root/bin/package" --version 1.0 "$scratch/again" > "$scratch/made"
    while IFS= read -r deb; do
        if cmp -s "$deb" "$scratch/debs/${deb##*/}"; then
            step "the same again, byte by byte: ${deb##*/}"
        else
            [[ $deb = */migratekit-aot_* ]] || die "two builds of the same commit differ in ${deb##*/}"
            step "another one, as it has to be expected: ${deb##*/}"
        fi
    done < "$scratch/made"
fi
build_simulator

# ---- a machine

# What apt says is kept for the case that it fails.
quietly() { "$@" > "$scratch/said" 2>&1 || die "$* failed: $(tail -n 15 "$scratch/said")"; }

# A bare Debian that has what apt needs for our dependencies at hand, but not installed.
make_debian() {
    local debian=$cache/packages-$1-1
    [[ ! -d $debian ]] || return 0
    step "making a bare Debian, once"
    mkdir -p "$cache"
    rm -rf "$debian.new"
    quietly mmdebstrap --quiet --variant=minbase --include=systemd-sysv --skip=cleanup/apt,cleanup/reproducible "$1" "$debian.new"
    cp /etc/resolv.conf "$debian.new/etc/resolv.conf"
    quietly chroot "$debian.new" apt-get update
    quietly chroot "$debian.new" apt-get install -y --download-only --no-install-recommends ca-certificates libnbd0 libxxhash0 libgnutls30 nbdkit qemu-utils openssh-server
    mv "$debian.new" "$debian"
}

# A systemd of today starts on control groups of old only when it is told to.
legacy=()
[[ $(stat -fc %T /sys/fs/cgroup) = cgroup2fs ]] || legacy=(systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1)

boot_machine() {
    make_debian "$1"
    mkdir "$scratch/machine"
    cp -a "$cache/packages-$1-1/." "$scratch/machine"
    ip netns add "$here"
    ip -n "$here" link set lo up
    boot_container --directory="$scratch/machine" --network-namespace-path="/run/netns/$here" --bind-ro="$scratch/debs:/opt/debs" \
        "${legacy[@]}"
}

in_apt() { quietly in_lab env LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends "$@"; }
install_version() { in_apt install /opt/debs/migratekit{,-aot,-hub,-agent}_"$1"_amd64.deb; }
show() { in_lab systemctl show --value -p "$2" "migratekit-$1"; }
hub() { curl -sS --max-time 30 --unix-socket "/proc/$leader/root/run/migratekit-hub/hub.sock" "$@"; }
as_hub() { in_lab runuser -u migratekit -- migratekit hub "$@"; }
export_of() { hub http://hub/api/v1/backups/lab-1 | jq -r '.disks[0].export'; }
writes() { ip netns exec "$here" qemu-io -f raw -c "write -P $1 $2 64k" "$(export_of)" > "$scratch/io" 2>&1 || die "$(cat "$scratch/io")"; }
# With AOTMode=on the JVM does not start when it cannot use the cache.
uses_cache() {
    in_lab env MIGRATEKIT_JAVA_OPTS="-XX:AOTMode=on -Xlog:aot=warning:stderr" migratekit --version > "$scratch/out" 2>&1 ||
        die "the AOT cache is not used: $(cat "$scratch/out")"
}

try_install() {
    step "Debian $(in_lab cat /etc/debian_version), without Java: installing"
    ! in_lab sh -c 'command -v java' || die "there is a Java here already"
    install_version 1.0
    [[ $(in_lab migratekit --version) = migratekit* ]] || die "it does not say its version"
    uses_cache
    [[ $(in_lab sh -c 'ls /usr/lib/jvm 2> /dev/null') = "" ]] || die "a Java was installed"
    local trusted wanted
    trusted=$(in_lab /usr/lib/migratekit/runtime/bin/keytool -list -cacerts -storepass '' 2> /dev/null | grep -c trustedCertEntry) || true
    wanted=$(in_lab grep -c 'BEGIN CERTIFICATE' /etc/ssl/certs/ca-certificates.crt)
    ((trusted == wanted && wanted > 50)) || die "it trusts $trusted authorities, the machine $wanted"
    in_lab rm /etc/ssl/certs/migratekit/cacerts
    quietly in_lab update-ca-certificates
    in_lab test -s /etc/ssl/certs/migratekit/cacerts || die "update-ca-certificates makes no trust store"
    local unit
    for unit in hub agent; do
        [[ $(show "$unit" ActiveState) = inactive && $(show "$unit" UnitFileState) = disabled ]] ||
            die "migratekit-$unit is $(show "$unit" ActiveState), $(show "$unit" UnitFileState), though nobody has configured it"
    done
    [[ $(in_lab stat -c '%U %a' /var/lib/migratekit) = 'migratekit 700' ]] || die "/var/lib/migratekit is not as it should be"
    step "trusts the machine's $wanted authorities; hub and agent wait to be configured"
}

try_services() {
    step "a simulated vCenter, and the hub"
    mkdir -p "$scratch/vcenter"
    ip netns exec "$here" "$root/bin/simulator" "$scratch/vcenter" --vm web01=32 --tracked web01 --off web01 --stay > "$scratch/simulator" 2>&1 < /dev/null &
    simulator=$!
    await 60 'ready' cat "$scratch/simulator"
    disk=$(sed -n 's/^disk=web01 [0-9]* //p' "$scratch/simulator")
    dd if=/dev/urandom of="$disk" bs=1M count=24 conv=notrunc status=none
    in_lab sh -euc '
        mkdir -p /etc/systemd/system/migratekit-hub.service.d /etc/systemd/system/migratekit-agent.service.d
        sed -n "s/^ExecStart=.*/[Service]\nExecStart=\n& --reserve 1M --keep-at-least 0s/p" /usr/lib/systemd/system/migratekit-hub.service \
            > /etc/systemd/system/migratekit-hub.service.d/lab.conf
        sed -n "s/^ExecStart=.*/[Service]\nExecStart=\n& --source folder --name agent-1/p" /usr/lib/systemd/system/migratekit-agent.service \
            > /etc/systemd/system/migratekit-agent.service.d/lab.conf
        systemctl daemon-reload
        systemctl enable --quiet --now migratekit-hub' || die "the hub does not start"
    step "pairing, as docs/operations.md has it: fingerprint, token, key"
    in_apt install openssh-server
    in_lab sh -euc '
        useradd --system --create-home --shell /usr/sbin/nologin migratekit-tunnel
        migratekit hub sshd-config --ports 9080,10809-10908 > /etc/ssh/sshd_config.d/50-migratekit.conf
        sshd -t
        systemctl restart ssh
        ssh-keygen -q -t ed25519 -N "" -f /etc/migratekit/tunnel/hub.key
        install -d -o migratekit-tunnel -m 700 /home/migratekit-tunnel/.ssh
        sed -n "s/^# *\(restrict,.*\) ssh-ed25519 .*/\1/p" /etc/ssh/sshd_config.d/50-migratekit.conf | tr "\n" " " > /home/migratekit-tunnel/.ssh/authorized_keys
        cat /etc/migratekit/tunnel/hub.key.pub >> /home/migratekit-tunnel/.ssh/authorized_keys
        umask 027
        runuser -u migratekit -- migratekit hub token add agent-1 --vm "*" --repository /var/lib/migratekit/hub > /etc/migratekit/hub.token
        touch /etc/migratekit/main.password
        chgrp migratekit /etc/migratekit/hub.token /etc/migratekit/main.password' > "$scratch/said" 2>&1 || die "$(tail -n 5 "$scratch/said")"
    cat "$scratch/vcenter/password" > "$scratch/machine/etc/migratekit/main.password"
    {
        printf '[tunnel.hub]\nhost = "127.0.0.1"\nuser = "migratekit-tunnel"\nkey = "credential:key"\nfingerprint = "%s"\n' \
            "$(in_lab ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub | cut -d ' ' -f 2)"
        printf '[hub]\nurl = "http://127.0.0.1:9080"\ntoken-file = "hub.token"\ntunnel = "hub"\n'
        printf '[vcenter.main]\npassword-file = "main.password"\n'
        sed -n -e 's/^url=\(.*\)/endpoint = "\1"/p' -e 's/^user=\(.*\)/username = "\1"/p' -e 's/^sha256=\(.*\)/thumbprint = "\1"/p' "$scratch/simulator"
    } > "$scratch/machine/etc/migratekit/migratekit.toml"
    quietly in_lab systemctl enable --now migratekit-tunnel@hub
    quietly in_lab migratekit hub list
    quietly in_lab migratekit vmware list --vcenter main
    in_lab systemctl enable --quiet --now migratekit-agent || die "the agent does not start"
    await 60 'web01' hub http://hub/api/v1/vms
    step "the hub knows the agent and its VM: $(hub http://hub/api/v1/vms | jq -c '[.vms[] | .name]')"
}

try_upgrade() {
    step "an upgrade, in the middle of a backup and with a layer open"
    as_hub limits rate:agent-1=1M --hub unix:/run/migratekit-hub/hub.sock > "$scratch/said"
    hub --json '{"vm":"web01","id":"web01-1"}' http://hub/api/v1/backups > "$scratch/job"
    await 60 '"state":"running"' hub http://hub/api/v1/jobs/web01-1
    local uri hub_pid agent_pid sealed attempt
    attempt=$(hub http://hub/api/v1/jobs/web01-1 | jq .attempt)
    hub --json '{"id":"lab-1","vm":"vm-1","name":"lab","disks":[{"key":2000,"capacityBytes":67108864}]}' http://hub/api/v1/backups > "$scratch/said"
    uri=$(export_of)
    writes 17 0
    hub_pid=$(show hub MainPID) agent_pid=$(show agent MainPID)
    install_version 1.1
    [[ $(in_lab dpkg -s migratekit-hub) = *$'\nVersion: 1.1\n'* ]] || die "that was no upgrade"
    uses_cache
    local unit
    for unit in hub agent; do [[ $(show "$unit" ActiveState) = active ]] || die "migratekit-$unit is $(show "$unit" ActiveState)"; done
    [[ $(show hub MainPID) != "$hub_pid" && $(show agent MainPID) != "$agent_pid" ]] || die "what ran before runs still"
    [[ $(hub http://hub/api/v1/jobs/web01-1 | jq -r .state) = running ]] || die "the backup did not run through the upgrade: $(hub http://hub/api/v1/jobs/web01-1)"
    [[ $(export_of) = "$uri" ]] || die "the export is now at $(export_of), not at $uri"
    writes 18 1M
    sealed=$(hub --json '{"disks":[{"key":2000}]}' http://hub/api/v1/backups/lab-1/seal)
    [[ $(jq -r .state <<< "$sealed") = sealed ]] || die "the seal says: $sealed"
    in_lab qemu-io -r -f qcow2 -c 'read -P 17 0 64k' -c 'read -P 18 1M 64k' "/var/lib/migratekit/hub/$(jq -r '.disks[0].layer' <<< "$sealed")" \
        > "$scratch/io" 2>&1 || die "$(cat "$scratch/io")"
    step "the layer went on where it was; the backup still runs, as the process that it was"
    as_hub limits rate:agent-1=100M --hub unix:/run/migratekit-hub/hub.sock > "$scratch/said"
    await 120 '"state":"done"' hub http://hub/api/v1/jobs/web01-1
    [[ $(hub http://hub/api/v1/jobs/web01-1 | jq .attempt) = "$attempt" ]] || die "the backup had to be begun again"
    as_hub restore web01-1 --to /var/lib/migratekit/restored --hub unix:/run/migratekit-hub/hub.sock > "$scratch/said" 2>&1 || die "$(cat "$scratch/said")"
    local restored
    restored=$(find "$scratch/machine/var/lib/migratekit/restored" -name '*.qcow2')
    qemu-img compare -f raw -F qcow2 "$disk" "$restored" > "$scratch/said" 2>&1 || die "what was restored differs: $(cat "$scratch/said")"
    step "backed up and restored: $(cat "$scratch/said")"
}

try_removal() {
    step "removing"
    in_apt remove migratekit migratekit-aot migratekit-hub migratekit-agent
    local left
    left=$(in_lab sh -c 'ls -l /proc/[0-9]*/exe' 2> /dev/null | grep /usr/lib/migratekit/) || true
    [[ -z $left ]] || die "still running: $left"
    in_lab sh -euc '
        ! test -e /usr/bin/migratekit
        ! test -e /usr/lib/migratekit
        ! test -e /etc/ssl/certs/migratekit
        ! test -e /usr/lib/systemd/system/migratekit-hub.service
        test -e /etc/ca-certificates/update.d/migratekit
        update-ca-certificates > /dev/null
        test -s /etc/migratekit/migratekit.toml
        test -d /var/lib/migratekit/hub/vms' || die "after the removal something is there that should not be, or is missing"
    in_apt purge migratekit migratekit-aot migratekit-hub migratekit-agent
    in_lab sh -euc '
        ! test -e /etc/ca-certificates/update.d/migratekit
        test -s /etc/migratekit/migratekit.toml
        test -d /var/lib/migratekit/hub/vms' || die "after the purge something is there that should not be, or is missing"
    step "removed and purged; /var/lib/migratekit and the configuration are left"
}

for suite in "${suites[@]}"; do
    what="packages on $suite"
    boot_machine "$suite"
    try_install
    try_services
    try_upgrade
    try_removal
    end_machine
    rm -rf "$scratch/machine" "$scratch/vcenter"
done
what=packages
at_the_end=yes
