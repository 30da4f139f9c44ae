# shellcheck shell=bash
# The failure tour: breaks one thing in a lab on loopback, lets migratekit say what it sees, and shows the same without
# the fault. bin/quickstart --break uses it.
#
# Sourced by bin/quickstart, which brings the lab (bin/lab.sh) and the words to show things. A failure is a function
# break_NAME. Every command is told which exit code it has to end with, and the tour ends when one does not: what is shown
# is a test as well. Data is small and limits are short, so that each takes some seconds; in earnest they are longer.
: "${lab:?}" "${bold=}" "${plain=}"

tour_names=(slot silent frozen-hub frozen-source tunnel-cut full-disk slow-source descriptors cbt-reset)
declare -A tour_about=(
    [slot]="qemu-nbd serves one client; the second gets a connection, and never a greeting"
    [silent]="something listens, takes the connection and says nothing"
    [frozen-hub]="the server of the target stands still in the middle of a copy, then goes on"
    [frozen-source]="the server of the source stands still in the middle of a copy, then goes on"
    [tunnel-cut]="the SSH session breaks in the middle of a copy"
    [full-disk]="the file system of the target is full"
    [slow-source]="no failure, but a source that takes half a second for each answer: slow is not hung"
    [descriptors]="this machine lets the copy open too few files and sockets"
    [cbt-reset]="vCenter's change tracking has begun anew since the last backup, so what it knows of is not all"
)
tour_limit=25 # seconds that one command may take; what migratekit promises here is less
disk=$lab/tour

tour_list() {
    local name
    for name in "${tour_names[@]}"; do printf '%-14s %s\n' "$name" "${tour_about[$name]}"; done
    printf '%-14s %s\n' all "all of them in turn"
}

# Sets chosen to what a name stands for.
tour_choose() {
    case $1 in
        list)
            tour_list
            exit 0
            ;;
        all) chosen=("${tour_names[@]}") ;;
        *) chosen=("$1") ;;
    esac
    if [[ -z ${tour_about[${chosen[0]}]:-} ]]; then
        say "there is no failure called $1; 'bin/quickstart --break list' says which there are."
        exit 2
    fi
}

# ---- what is shown

note() { echo "   $*"; }
look() { echo "   ${bold}Look at:$plain $*"; }
shown() {
    show "$@"
    "$@"
}

# Starts a command, and shows it and what it says while it says it.
begin() {
    show "$@"
    : > "$lab/log/client" # what the last one said is not taken for this one's, and there is something to look at
    lab_launch client "$@"
    client=$!
    tail -n +1 -s 0.1 -f --pid="$client" "$lab/log/client" 2> /dev/null | indented &
    shown_by=$!
}

# ended CODE: waits for the end of what was begun.
ended() {
    local expected=$1 status=0 end=$((SECONDS + tour_limit))
    while alive client && ((SECONDS < end)); do sleep 0.05; done
    ! alive client || die "that did not end within $tour_limit s, which is not as it should be."
    wait "$client" || status=$?
    wait "$shown_by" || true # until all of it is shown
    note "(exit code $status)"
    ((status == expected)) || die "that should have ended with exit code $expected."
}

# try CODE COMMAND...: shows a command that has to end with that code.
try() {
    local expected=$1
    shift
    begin "$@"
    ended "$expected"
}

said() { grep -qs -- "$1" "$lab/log/client"; }
unsaid() { ! said "$1" || die "'$1' was said, which is not as it should be."; }
signal() { # SIGNAL SERVER
    local pid
    alive "$2" || die "the $2 of the lab is gone."
    shown kill "-$1" "$pid"
}

# ---- what is broken

listens() { grep -qs "$(printf ': 0100007F:%04X 00000000:0000 0A ' "$1")" /proc/net/tcp; }
connected() { grep -qs "$(printf ': 0100007F:%04X 0100007F:.... 01 ' "$1")" /proc/net/tcp; }

# serve SERVER COMMAND...: starts the server of the source or of the target; shown as one would start it by hand.
serve() {
    local server=$1
    shift
    lab_stop_server "$server"
    show "$@" '&'
    lab_launch "$server" "$@"
    case $server in
        source) lab_await source 10 listens "$source_port" ;;
        target) lab_await target 10 listens "$target_port" ;;
    esac
}

qemu_nbd=(qemu-nbd --persistent --bind=127.0.0.1 --format=raw --export-name=disk)
serve_source() { serve source "${qemu_nbd[@]}" --shared=8 --port="$source_port" "$disk/source.img"; }
serve_target() { serve target "${qemu_nbd[@]}" --shared=8 --port="$target_port" "$disk/target.img"; }

# Makes a disk with some MiB of data, and an empty one of its size.
make_disks() {
    rm -rf "$disk"
    shown mkdir -p "$disk"
    shown dd if=/dev/urandom "of=$disk/source.img" bs=1M "count=$1" status=none
    shown truncate -s "$1M" "$disk/target.img"
}

# Succeeds when a copy is well under way: 2 MiB are there.
under_way() { (($(stat -c %b "$disk/target.img") >= 4096)); }

copy=(bin/migratekit copy --progress none --timeout 1s --stall-after 2s)
same() { shown cmp "$disk/source.img" "$disk/target.img" || die "the copy is not what its source is."; }

# control WORDS...: the same copy, and nothing is broken.
control() {
    note "${bold}Without the fault:$plain"
    truncate -s 0 "$disk/target.img"
    truncate -r "$disk/source.img" "$disk/target.img"
    try 0 "${copy[@]}" "$@" "$from" "$to"
    unsaid stalled
}

# ---- the failures

break_slot() {
    make_disks 2
    serve target "${qemu_nbd[@]}" --port="$target_port" "$disk/target.img"
    note "A first client takes the only slot, and keeps it. A second one, without limits of its own, would wait for ever:"
    hold_slot
    try 124 timeout 2 qemu-img info "$to"
    try 31 bin/migratekit probe --timeout 1s "$to"
    try 31 bin/migratekit doctor --timeout 1s --nbd-target "$to"
    serve_source
    try 31 "${copy[@]}" "$from" "$to"
    note "${bold}Without the fault:$plain the same with --shared=8, and with the first client."
    lab_stop_server holder
    serve_target
    hold_slot
    try 0 bin/migratekit probe --timeout 1s "$to"
    try 0 bin/migratekit doctor --timeout 1s --nbd-target "$to"
    try 0 "${copy[@]}" "$from" "$to"
    look "'no NBD greeting' is said in seconds, with its usual cause: the slots. TCP alone would have looked healthy."
}

hold_slot() {
    local words=(qemu-io -r -f raw -c "sleep 60000" "$to")
    show "${words[@]}" '&'
    lab_launch holder "${words[@]}"
    lab_await holder 10 connected "$target_port"
}

break_silent() {
    make_disks 2
    # The port may still know connections of the server before; `die` says the error of the socket by itself.
    serve target perl -MIO::Socket::INET -e \
        "IO::Socket::INET->new(Listen => 9, ReuseAddr => 1, LocalAddr => '127.0.0.1:$target_port') ? sleep 60 : die"
    try 31 bin/migratekit probe --timeout 1s "$to"
    try 31 bin/migratekit map --timeout 1s "$to"
    note "${bold}Without the fault:$plain a server that speaks, at the same port."
    serve_target
    try 0 bin/migratekit probe --timeout 1s "$to"
    look "which steps were answered before the silence, and that not a byte came: the road is there, the server is not."
}

# The beginning of what `why` knows, from another terminal as it were.
why() {
    local words=(bin/migratekit why --job-id "$1" --state-dir "$lab/state")
    show "${words[@]}" '|' sed -n 1,7p
    "${words[@]}" 2>&1 | sed -n 1,7p | indented
}

# What stands still is the server of one side.
break_frozen() {
    local side=$1 job=frozen-$1
    make_disks 12
    serve_source
    serve_target
    begin "${copy[@]}" --rate 4M --job-id "$job" --state-dir "$lab/state" "$from" "$to"
    lab_await client 10 under_way
    signal STOP "$side"
    lab_await client 15 said "stalled in $side-"
    why "$job"
    signal CONT "$side"
    ended 0
    said "moves again" || die "that the copy moves again was not said."
    same
    control
    look "'stalled in $side-...' names the side that stands still; then the copy went on by itself, and nothing is lost."
}

break_frozen-hub() { break_frozen target; }
break_frozen-source() { break_frozen source; }

break_tunnel-cut() {
    local pid sessions through=(--ssh "$(id -un)@127.0.0.1:$ssh_port" --ssh-key "$lab/ssh/key"
        --ssh-known-hosts "$lab/ssh/known_hosts")
    make_disks 12
    serve_source
    serve_target
    alive sshd || lab_start_sshd
    note "sshd listens at 127.0.0.1:$ssh_port; the target is as seen from there. Its session is killed."
    begin "${copy[@]}" --rate 4M "${through[@]}" "$from" "$to"
    lab_await client 10 under_way
    alive sshd
    read -r -a sessions < "/proc/$pid/task/$pid/children" || true # of sshd
    ((${#sessions[@]})) || die "there is no session to kill."
    shown kill -KILL "${sessions[@]}"
    ended 0
    said "sent again" || die "the loss is not in the report."
    same
    control "${through[@]}"
    look "'sent again' in the report: what was on its way when the session broke. The copy made a new one by itself."
}

break_full-disk() {
    make_disks 16
    serve_source
    note "The target is in a file system of 8 MiB, in a namespace of its own, which takes no root."
    local script="mount -t tmpfs -o size=8M none $disk && truncate -s 16M $disk/small.img"
    script+=" && exec ${qemu_nbd[*]} --shared=8 --port=$target_port $disk/small.img"
    serve target unshare --map-root-user --mount sh -c "$script"
    try 40 "${copy[@]}" "$from" "$to"
    serve_target
    control
    same
    look "it ends at once, says that space is short and where, and not that something hangs."
}

break_slow-source() {
    make_disks 2
    serve source nbdkit --foreground --ipaddr=127.0.0.1 --port="$source_port" --exportname=disk --filter=delay \
        file "$disk/source.img" rdelay=500ms
    serve_target
    try 0 "${copy[@]}" --requests 1 --connections 1 "$from" "$to"
    unsaid stalled
    same
    serve_source
    control --requests 1 --connections 1
    look "it took longer than --stall-after, but each answer came within --timeout: no alarm, and every byte is there."
}

break_descriptors() {
    make_disks 2
    serve_source
    serve_target
    try 63 prlimit --nofile=24 "${copy[@]}" "$from" "$to"
    control
    same
    look "the limit of this process is named, not the servers, which are well."
}

break_cbt-reset() {
    local vmdk=$lab/vcenter/datastores/ds1/web01/web01-flat.vmdk
    make_disks 16
    serve_target
    note "A simulated vCenter has the VM web01, with one disk; it takes orders from \$L/orders."
    lab_start_vcenter 16
    shown dd if=/dev/urandom "of=$vmdk" bs=1M count=6 conv=notrunc status=none
    back_up web01-1
    note "${bold}Without the fault:$plain a change, and what vCenter says has changed."
    shown dd if=/dev/urandom "of=$vmdk" bs=64K seek=8 count=4 conv=notrunc status=none
    back_up web01-2
    said "incremental, what changed since" || die "it was not incremental."
    note "${bold}With it:$plain a change, after which tracking begins anew, as after a power failure of the host."
    shown dd if=/dev/urandom "of=$vmdk" bs=64K seek=40 count=4 conv=notrunc status=none
    note "$bold\$ echo reset web01 > \$L/orders$plain"
    echo reset web01 > "$lab/orders"
    lab_await vcenter 5 grep -qsx ok "$lab/log/vcenter"
    back_up web01-3
    said "everything, change tracking began anew" || die "it was not everything."
    shown cmp "$vmdk" "$disk/target.img" || die "the backup is not what the disk is."
    lab_stop_server vcenter
    look "'everything, ...' and its reason: in doubt all is copied. The target holds the change that tracking forgot."
}

back_up() {
    try 0 bin/migratekit migrate --progress none --job-id "$1" --vmware-path /DC0/vm/web01 --vcenter lab \
        --config "$lab/migratekit.toml" --source folder --state-dir "$lab/state" --nbd-target "$to"
}

# ---- the tour

tour_build() {
    case " ${chosen[*]} " in
        *' cbt-reset '*) build_simulator ;;
        *) bin/migratekit --version > "$lab/log/version" ;;
    esac
}

# Shows what was chosen.
tour() {
    local name
    source_port=$((${hub_port:?} + 1)) target_port=$((hub_port + 2)) # sshd lets through to these
    from=nbd://127.0.0.1:$source_port/disk to=nbd://127.0.0.1:$target_port/disk
    for name in "${chosen[@]}"; do
        step "$name: ${tour_about[$name]}"
        note "$bold\$ L=$lab$plain"
        "break_$name"
        lab_stop_server holder
        lab_stop_server source
        lab_stop_server target
        done_step
    done
}
