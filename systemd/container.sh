# shellcheck shell=bash
# A container with a real systemd, in which something is tried: systemd/lab.sh and packaging/lab.sh boot theirs with this.
: "${scratch:?}"

nspawn=
leader=

# boot_container OPTIONS...: boots what systemd-nspawn is told, and waits until it is up.
boot_container() {
    systemd-nspawn --quiet --boot --register=no --keep-unit "$@" > "$scratch/console" 2>&1 < /dev/null &
    nspawn=$!
    for _ in {1..100}; do
        leader=$(tr -d ' ' < "/proc/$nspawn/task/$nspawn/children" 2> /dev/null) || true
        [[ -z $leader ]] || break
        sleep 0.1
    done
    [[ -n $leader ]] || die "the container does not start: $(cat "$scratch/console")"
    await 60 '^(running|degraded)$' in_lab systemctl is-system-running
}

stop_container() {
    if [[ -n $leader ]]; then kill -s RTMIN+4 "$leader" || true; fi
    if [[ -n $nspawn ]]; then
        for _ in {1..100}; do [[ -d /proc/$nspawn ]] || break; sleep 0.1; done
        kill -KILL "$nspawn" 2> /dev/null || true
        wait "$nspawn" || true
    fi
    nspawn=
    leader=
}

# Runs a program in the container.
in_lab() { nsenter -t "$leader" -m -u -i -n -p -C -- "$@"; }

# Waits until words come out of a command: seconds, pattern, command.
await() {
    local until=$((SECONDS + $1)) pattern=$2
    shift 2
    until [[ $("$@" 2>&1) =~ $pattern ]]; do
        ((SECONDS < until)) || die "waited in vain for '$pattern' from: $*; it says: $("$@" 2>&1 | tail -n 3)"
        sleep 0.2
    done
}
