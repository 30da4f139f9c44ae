# shellcheck shell=bash
# Containers with a real systemd, in which something is tried: systemd/lab.sh and packaging/lab.sh boot theirs with this.
: "${scratch:?}"

declare -A nspawn=() leader=() # of each machine

# boot_container MACHINE OPTIONS...: boots what systemd-nspawn is told, and waits until it is up.
boot_container() {
    local machine=$1 child children
    systemd-nspawn --quiet --boot --register=no --keep-unit "${@:2}" > "$scratch/console-$machine" 2>&1 < /dev/null &
    nspawn[$machine]=$!
    for _ in {1..300}; do
        # Not its first child, which is gone again: the one that is process 1 in there.
        children=()
        read -ra children 2> /dev/null < "/proc/${nspawn[$machine]}/task/${nspawn[$machine]}/children" || true
        for child in "${children[@]}"; do
            if grep -qs $'^NSpid:.*\t1$' "/proc/$child/status"; then leader[$machine]=$child; fi
        done
        [[ -z ${leader[$machine]:-} ]] || break
        sleep 0.1
    done
    [[ -n ${leader[$machine]:-} ]] || die "the container does not start: $(cat "$scratch/console-$machine")"
    await 60 '^(running|degraded)$' on "$machine" systemctl is-system-running
}

stop_containers() {
    local machine
    for machine in "${!leader[@]}"; do
        kill -s RTMIN+4 "${leader[$machine]}" || true
    done
    for machine in "${!nspawn[@]}"; do
        for _ in {1..100}; do [[ -d /proc/${nspawn[$machine]} ]] || break; sleep 0.1; done
        kill -KILL "${nspawn[$machine]}" 2> /dev/null || true
        wait "${nspawn[$machine]}" || true
    done
    nspawn=() leader=()
}

# on MACHINE PROGRAM...: runs a program in its container.
on() { nsenter -t "${leader[$1]}" -m -u -i -n -p -C -- "${@:2}"; }

# Waits until words come out of a command: seconds, pattern, command.
await() {
    local until=$((SECONDS + $1)) pattern=$2
    shift 2
    until [[ $("$@" 2>&1) =~ $pattern ]]; do
        ((SECONDS < until)) || die "waited in vain for '$pattern' from: $*; it says: $("$@" 2>&1 | tail -n 3)"
        sleep 0.2
    done
}
