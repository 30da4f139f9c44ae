#!/usr/bin/env bash
# Do the Debian packages do what docs/operations.md promises, on machines without any Java? `bin/soak packages` runs this.
#
#   packaging/lab.sh [--twice | --packages FOLDER] [SUITE...]
#
# Makes the packages of what is committed, in two versions, and boots two containers with a bare Debian (bookworm, then trixie), hub and agent,
# with a wire between them. There it types what the chapter "Installation" shows, line by line (typist.sh): from the packages to a backup
# that a schedule began. Then it upgrades during a backup, restores, removes and purges. --twice builds a second time and
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
# shellcheck source=packaging/typist.sh
. "$root/packaging/typist.sh"
machines=(hub agent)
number=$((RANDOM % 16384))
net=10.$((128 + number / 256)).$((number % 256))
simulator=
what=packages
at_the_end=no

finish() {
    local status=$?
    # Ended in another way, the status may be that of the last command that was good.
    [[ $at_the_end = yes || $status != 0 ]] || status=1
    local machine
    if [[ $status != 0 ]]; then
        for machine in "${!leader[@]}"; do
            say "the end of the journal of $machine:"
            on "$machine" journalctl --no-pager -o cat | tail -n 30 >&2 || true
            # A backup that is under way has its words, and what it waits for, in the agent's state directory.
            # shellcheck disable=SC2016 # the shell in the machine is to read these
            on "$machine" sh -c 'cd /var/lib/migratekit/.local/state/migratekit/given && for job in *; do
                tail -n 15 "$job/out.log"
                runuser -u migratekit -- migratekit why --job-id "$job"
            done' >&2 || true
        done
    fi
    end_machines
    rm -rf "$scratch"
    if [[ $status = 0 ]]; then say "packages: all well after $SECONDS s"; else say "$what: FAILED after $SECONDS s"; fi
    exit "$status"
}

end_machines() {
    stop_containers
    if [[ -n $simulator ]]; then
        kill "$simulator" 2> /dev/null || true
        wait "$simulator" || true
    fi
    simulator=
    local machine
    for machine in "${machines[@]}"; do ip netns del "$(net_of "$machine")" 2> /dev/null || true; done
}
net_of() { echo "mk-deb-$number-$1"; }
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

for version in 1.0 1.1; do mkdir "$scratch/debs/$version" && mv "$scratch"/debs/*_"$version"_*.deb "$scratch/debs/$version/"; done

# ---- the machines

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

boot_machines() {
    make_debian "$1"
    local machine address=1
    for machine in "${machines[@]}"; do ip netns add "$(net_of "$machine")"; done
    ip link add eth0 netns "$(net_of hub)" type veth peer name eth0 netns "$(net_of agent)"
    for machine in "${machines[@]}"; do
        ip -n "$(net_of "$machine")" address add "$net.$((address++))/30" dev eth0
        ip -n "$(net_of "$machine")" link set eth0 up
        ip -n "$(net_of "$machine")" link set lo up
        mkdir "$scratch/$machine"
        cp -a "$cache/packages-$1-1/." "$scratch/$machine"
        # The names that the page has. The simulated vCenter listens on loopback alone, and so lives on the agent's.
        printf '127.0.0.1 localhost vcenter.example.net\n%s hub.example.net\n' "$net.1" > "$scratch/$machine/etc/hosts"
        # apt takes yes for an answer, and what make_debian has loaded for enough.
        printf 'APT::Get::Assume-Yes "true";\nAPT::Install-Recommends "false";\n' > "$scratch/$machine/etc/apt/apt.conf.d/99lab"
        boot_container "$machine" --directory="$scratch/$machine" --network-namespace-path="/run/netns/$(net_of "$machine")" \
            --hostname="$machine" --bind-ro="$scratch/debs:/opt/debs" "${legacy[@]}"
    done
}

in_apt() { quietly on "$1" env LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -q "${@:2}"; }
show() { on "$1" systemctl show --value -p "$2" "migratekit-$1"; }
hub() { curl -sS --max-time 30 --unix-socket "/proc/${leader[hub]}/root/run/migratekit-hub/hub.sock" "$@"; }
at_hub() { quietly on hub migratekit hub "$@"; }
export_of() { hub http://hub/api/v1/backups/lab-1 | jq -r '.disks[0].export'; }
writes() { ip netns exec "$(net_of hub)" qemu-io -f raw -c "write -P $1 $2 64k" "$(export_of)" > "$scratch/io" 2>&1 || die "$(cat "$scratch/io")"; }
# With AOTMode=on the JVM does not start when it cannot use the cache.
uses_cache() {
    on "$1" env MIGRATEKIT_JAVA_OPTS="-XX:AOTMode=on -Xlog:aot=warning:stderr" migratekit --version > "$scratch/out" 2>&1 ||
        die "the AOT cache is not used: $(cat "$scratch/out")"
}

# Installs and removes again, before the page is typed: what the packages do by themselves.
try_install() {
    step "Debian $(on hub cat /etc/debian_version), without Java: the packages alone"
    ! on hub sh -c 'command -v java' || die "there is a Java here already"
    in_apt hub install /opt/debs/1.0/migratekit{,-aot,-hub,-agent}_1.0_amd64.deb
    [[ $(on hub migratekit --version) = migratekit* ]] || die "it does not say its version"
    uses_cache hub
    [[ $(on hub sh -c 'ls /usr/lib/jvm 2> /dev/null') = "" ]] || die "a Java was installed"
    local trusted wanted unit
    trusted=$(on hub /usr/lib/migratekit/runtime/bin/keytool -list -cacerts -storepass '' 2> /dev/null | grep -c trustedCertEntry) || true
    wanted=$(on hub grep -c 'BEGIN CERTIFICATE' /etc/ssl/certs/ca-certificates.crt)
    ((trusted == wanted && wanted > 50)) || die "it trusts $trusted authorities, the machine $wanted"
    on hub rm /etc/ssl/certs/migratekit/cacerts
    quietly on hub update-ca-certificates
    on hub test -s /etc/ssl/certs/migratekit/cacerts || die "update-ca-certificates makes no trust store"
    for unit in hub agent; do
        [[ $(on hub systemctl show --value -p ActiveState,UnitFileState "migratekit-$unit" | tr -s '\n' ' ') = 'inactive disabled ' ]] ||
            die "migratekit-$unit was started or enabled, though nobody has configured it"
    done
    [[ $(on hub stat -c '%U %a' /var/lib/migratekit) = 'migratekit 700' ]] || die "/var/lib/migratekit is not as it should be"
    in_apt hub purge --autoremove 'migratekit*'
    step "trusts the machine's $wanted authorities; hub and agent wait to be configured"
}

start_vcenter() {
    mkdir -p "$scratch/vcenter"
    rm -f "$scratch/simulator" # What the one of the suite before said is no news of this one.
    ip netns exec "$(net_of agent)" "$root/bin/simulator" "$scratch/vcenter" --port 443 --user backup@vsphere.local --vm web01=32 --host vcenter.example.net \
        --tracked web01 --off web01 --stay > "$scratch/simulator" 2>&1 < /dev/null &
    simulator=$!
    await 60 'ready' cat "$scratch/simulator"
    disk=$(sed -n 's/^disk=web01 [0-9]* //p' "$scratch/simulator")
    dd if=/dev/urandom of="$disk" bs=1M count=24 conv=notrunc status=none
    pasted[PASSWORD]=$(cat "$scratch/vcenter/password")
}

same_as_disk() { qemu-img compare -f raw -F qcow2 "$disk" "$1" > "$scratch/said" 2>&1 || die "$2 differs from the VM's disk: $(cat "$scratch/said")"; }

try_page() {
    start_vcenter
    step "docs/operations.md, Installation"
    type_page installation 1.0
    [[ ${pasted[THUMBPRINT]} = "$(sed -n 's/^sha256=//p' "$scratch/simulator")" ]] || die "the page pins ${pasted[THUMBPRINT]}"
    same_as_disk "$(find "$scratch/hub/var/lib/restored" -name '*.qcow2')" "what was restored"
    step "restored: $(cat "$scratch/said") Now the schedule, at $(hub http://hub/api/v1/schedules | jq -r '.schedules[0] | .nextAt // .lastAt')"
    printf 'what changed since' | dd of="$disk" bs=1M seek=7 conv=notrunc status=none
    await 180 '^web01-' scheduled
    local point
    point=$(scheduled)
    same_as_disk "$scratch/hub/var/lib/migratekit/hub/$(hub "http://hub/api/v1/backups/$point" | jq -r '.disks[0].layer')" "what the schedule had backed up"
    step "the schedule has had $point made: $(hub "http://hub/api/v1/backups/$point" | jq -r '.disks[0].kind'). $(cat "$scratch/said")"
}

# The job that no person asked for, once it is done.
scheduled() { hub 'http://hub/api/v1/jobs?ended=true' | jq -r '.jobs[] | select(.id != "web01-first" and .state == "done") | .id'; }

try_upgrade() {
    step "an upgrade, in the middle of a backup and with a layer open"
    dd if=/dev/urandom of="$disk" bs=1M count=24 conv=notrunc status=none
    at_hub limits rate:agent-7=500K
    at_hub start web01 --id web01-1 --full
    await 60 '"state":"running"' hub http://hub/api/v1/jobs/web01-1
    local uri hub_pid agent_pid sealed attempt machine
    attempt=$(hub http://hub/api/v1/jobs/web01-1 | jq .attempt)
    hub --json '{"id":"lab-1","vm":"vm-1","name":"lab","disks":[{"key":2000,"capacityBytes":67108864}]}' http://hub/api/v1/backups > "$scratch/said"
    uri=$(export_of)
    writes 17 0
    hub_pid=$(show hub MainPID) agent_pid=$(show agent MainPID)
    type_page upgrade 1.1
    for machine in "${machines[@]}"; do
        [[ $(on "$machine" dpkg -s "migratekit-$machine") = *$'\nVersion: 1.1\n'* ]] || die "that was no upgrade"
        uses_cache "$machine"
        [[ $(show "$machine" ActiveState) = active ]] || die "migratekit-$machine is $(show "$machine" ActiveState)"
    done
    [[ $(show hub MainPID) != "$hub_pid" && $(show agent MainPID) != "$agent_pid" ]] || die "what ran before runs still"
    [[ $(hub http://hub/api/v1/jobs/web01-1 | jq -r .state) = running ]] || die "the backup did not run through the upgrade: $(hub http://hub/api/v1/jobs/web01-1)"
    [[ $(export_of) = "$uri" ]] || die "the export is now at $(export_of), not at $uri"
    writes 18 1M
    sealed=$(hub --json '{"disks":[{"key":2000}]}' http://hub/api/v1/backups/lab-1/seal)
    [[ $(jq -r .state <<< "$sealed") = sealed ]] || die "the seal says: $sealed"
    on hub qemu-io -r -f qcow2 -c 'read -P 17 0 64k' -c 'read -P 18 1M 64k' "/var/lib/migratekit/hub/$(jq -r '.disks[0].layer' <<< "$sealed")" \
        > "$scratch/io" 2>&1 || die "$(cat "$scratch/io")"
    step "the layer went on where it was; the backup still runs, as the process that it was"
    at_hub limits rate:agent-7=100M
    await 120 '"state":"done"' hub http://hub/api/v1/jobs/web01-1
    [[ $(hub http://hub/api/v1/jobs/web01-1 | jq .attempt) = "$attempt" ]] || die "the backup had to be begun again"
    at_hub restore web01-1 --to /var/lib/restored-again
    same_as_disk "$(find "$scratch/hub/var/lib/restored-again" -name '*.qcow2')" "what was backed up during the upgrade"
    step "backed up and restored: $(cat "$scratch/said")"
}

try_removal() {
    local machine kept
    for machine in "${machines[@]}"; do
        step "removing what is on the machine $machine"
        kept=/var/lib/migratekit/$([[ $machine = hub ]] && echo hub/vms || echo .local/state/migratekit)
        in_apt "$machine" remove 'migratekit*'
        local left
        left=$(on "$machine" sh -c 'ls -l /proc/[0-9]*/exe' 2> /dev/null | grep /usr/lib/migratekit/) || true
        [[ -z $left ]] || die "still running: $left"
        on "$machine" sh -euc "
            ! test -e /usr/bin/migratekit
            ! test -e /usr/lib/migratekit
            ! test -e /etc/ssl/certs/migratekit
            ! test -e /usr/lib/systemd/system/migratekit-$machine.service
            test -e /etc/ca-certificates/update.d/migratekit
            update-ca-certificates > /dev/null
            test -s /etc/migratekit/migratekit.toml
            test -d $kept" || die "after the removal something is there that should not be, or is missing"
        in_apt "$machine" purge 'migratekit*'
        on "$machine" sh -euc "
            ! test -e /etc/ca-certificates/update.d/migratekit
            test -s /etc/migratekit/migratekit.toml
            test -d $kept" || die "after the purge something is there that should not be, or is missing"
    done
    step "removed and purged; /var/lib/migratekit and the configuration are left"
}

for suite in "${suites[@]}"; do
    what="packages on $suite"
    boot_machines "$suite"
    try_install
    try_page
    try_upgrade
    try_removal
    end_machines
    rm -rf "${scratch:?}/hub" "$scratch/agent" "$scratch/vcenter"
done
what=packages
at_the_end=yes
