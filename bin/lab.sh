# shellcheck shell=bash
# A lab on loopback, in one folder: a simulated vCenter with a VM, an sshd and a hub behind it. bin/quickstart uses it,
# and for its failures bin/tour.sh.
#
# Sourced with `lab` set to the folder, from the top of the tree, after bin/lib.sh. What runs is known by its pid and the
# moment of its birth, so that nobody else's process is ever stopped. Every wait here has an end.
: "${lab:?}"

# What a lab keeps in the folder, besides LAB, which marks it as ours, and lock. Nothing else is ever removed from it.
lab_files=(log pid ssh vcenter repository state token migratekit.toml layer.sock orders tour restored)
lab_servers=(client holder source target layer hub sshd vcenter) # in the order in which they are stopped

# Prints when a process was born, in ticks since the machine started; fails if it is not there or is dead already.
born() {
    local stat fields
    { read -r stat < "/proc/$1/stat"; } 2> /dev/null || return 1
    read -r -a fields <<< "${stat##*) }" # behind the name, which may hold anything
    [[ ${fields[0]} != Z ]] && echo "${fields[19]}"
}

# Sets pid if a server of the lab is alive.
alive() {
    local birth
    [[ -r $lab/pid/$1 ]] && read -r pid birth < "$lab/pid/$1" && [[ $(born "$pid") = "${birth:-none}" ]]
}

lab_runs() {
    local server
    for server in "${lab_servers[@]}"; do
        if alive "$server"; then return 0; fi
    done
    return 1
}

# Starts a server in a session of its own, so that Ctrl-C and the end of the terminal are not for it.
lab_launch() {
    local server=$1
    shift
    setsid "$@" > "$lab/log/$server" 2>&1 < /dev/null 9>&- &
    echo "$! $(born $!)" > "$lab/pid/$server"
}

# lab_await SERVER SECONDS COMMAND...: until the command is content.
lab_await() {
    local server=$1 limit=$2 end=$((SECONDS + $2))
    shift 2
    until "$@"; do
        alive "$server" || lab_failed "$server" "ended instead of coming up"
        ((SECONDS < end)) || lab_failed "$server" "did not come up within $limit s"
        sleep 0.1
    done
}

lab_failed() {
    say "$1 $2. The end of $lab/log/$1:"
    tail -n 15 "$lab/log/$1" | sed 's/^/    /' >&2
    case $1 in
        vcenter) say "this is the simulator; does bin/simulator come up by itself in another folder?" ;;
        sshd) say "was the port taken meanwhile? Try again, or choose with --port." ;;
        hub) say "if its port is taken, choose another with --port; if space is short, another place with --folder." ;;
        source | target)
            if grep -qs "^unshare:" "$lab/log/$1"; then say "this system lets only root make a namespace."; fi
            if grep -qs "in use" "$lab/log/$1"; then say "its port is taken; choose others with --port."; fi
            ;;
    esac
    exit 1
}

# lab_take_ports [FIRST]: sets the ports of sshd, of the hub and of its exports, six in a row; free ones if none is said.
# Between 20000 and 30000 the system gives none away by itself.
lab_take_ports() {
    local tries i
    ssh_port=${1:-}
    for ((tries = 0; tries < 50 && ssh_port == 0; tries++)); do
        ssh_port=$((20000 + RANDOM % 10000))
        for ((i = 0; i < 6; i++)); do
            if (: < "/dev/tcp/127.0.0.1/$((ssh_port + i))") 2> /dev/null; then ssh_port=0; fi
        done
    done
    ((ssh_port != 0)) || die "six free ports in a row were not found on 127.0.0.1; choose with --port."
    hub_port=$((ssh_port + 1))
    export_ports=$((ssh_port + 2))-$((ssh_port + 5))
}

# What the simulated vCenter has said of itself.
lab_said() {
    sed -n "s/^$1=//p" "$lab/log/vcenter"
}

# lab_start_vcenter [MiB,...]: with these disks. It takes orders from the pipe `orders`, which it holds open itself.
lab_start_vcenter() {
    mkfifo "$lab/orders"
    # shellcheck disable=SC2016 # these are for sh
    lab_launch vcenter sh -c 'exec "$@" <> "$0"' "$lab/orders" \
        bin/simulator "$lab/vcenter" --vm "web01=${1:-96,32}" --tracked web01 --off web01 --stay
    lab_await vcenter 60 grep -qsx ready "$lab/log/vcenter"
    local url
    url=$(lab_said url) # https://127.0.0.1:PORT/sdk
    printf '%s\n' '[vcenter.lab]' "endpoint = \"$url\"" "username = \"$(lab_said user)\"" \
        'password-file = "vcenter/password"' "thumbprint = \"$(lab_said sha256)\"" > "$lab/migratekit.toml"
}

# An sshd for this user alone, with keys of its own, that allows what a hub's sshd should allow, and nothing else.
lab_start_sshd() {
    local ssh=$lab/ssh pam=no sshd
    sshd=$(PATH=$PATH:/usr/sbin:/sbin command -v sshd) || die "there is no sshd; run bin/setup quickstart."
    mkdir "$ssh"
    ssh-keygen -q -t ed25519 -N '' -C 'host key of the lab' -f "$ssh/host_key"
    ssh-keygen -q -t ed25519 -N '' -C 'key of the lab' -f "$ssh/key"
    cp "$ssh/key.pub" "$ssh/authorized_keys"
    echo "[127.0.0.1]:$ssh_port $(< "$ssh/host_key.pub")" > "$ssh/known_hosts"
    if [[ $EUID = 0 ]]; then
        mkdir -p /run/sshd # where it locks itself in
        # Without PAM sshd lets nobody in whose password is locked, not even by key.
        if [[ $(getent shadow root) = root:!* ]]; then pam=yes; fi
    fi
    {
        printf '%s\n' "ListenAddress 127.0.0.1" "Port $ssh_port" "HostKey $ssh/host_key" "PidFile none" \
            "AuthorizedKeysFile $ssh/authorized_keys" "StrictModes no" "UsePAM $pam" \
            "PasswordAuthentication no" "KbdInteractiveAuthentication no" "PermitRootLogin prohibit-password" ""
        bin/migratekit hub sshd-config --user "$(id -un)" --ports "$hub_port,$export_ports" --reverse-port 0
    } > "$ssh/sshd_config"
    lab_launch sshd "$sshd" -D -e -f "$ssh/sshd_config"
    lab_await sshd 10 grep -qs "Server listening" "$lab/log/sshd"
}

lab_start_hub() {
    lab_launch hub bin/migratekit hub serve --repository "$lab/repository" --listen "127.0.0.1:$hub_port" \
        --ports "$export_ports" --reserve 256M --keep-at-least 0s
    lab_await hub 30 grep -qs "hub serves" "$lab/log/hub"
}

# Serves a layer read-only on the socket layer.sock, as the export "layer".
lab_serve_layer() {
    lab_launch layer qemu-nbd --persistent --read-only --shared=4 --format=qcow2 --allocation-depth \
        --export-name=layer --socket="$lab/layer.sock" "$1"
    lab_await layer 10 test -S "$lab/layer.sock"
}

# Ends a server: asked first, killed when it does not heed. The hub ends its exports before it goes.
lab_stop_server() {
    local server=$1 pid signal end
    for signal in TERM KILL; do
        alive "$server" || break
        kill "-$signal" "$pid" 2> /dev/null || true
        kill -CONT "$pid" 2> /dev/null || true # what stands still heeds nothing
        end=$((SECONDS + 35))
        while alive "$server" && ((SECONDS < end)); do sleep 0.05; done
    done
    ! alive "$server" || say "could not stop the $server of the lab, process $pid."
    rm -f "$lab/pid/$server"
}

lab_stop() {
    local server
    for server in "${lab_servers[@]}"; do lab_stop_server "$server"; done
}

# Makes the folder, or takes over an empty one, or one that a lab has left.
lab_make() {
    (umask 077 && mkdir -p "$lab") || die "the folder $lab cannot be made; choose another with --folder."
    [[ -O $lab ]] || die "$lab belongs to somebody else; choose another with --folder."
    [[ -e $lab/LAB || -z $(ls -A "$lab") ]] || die "$lab is not empty and not a lab; choose another with --folder."
    echo "Made by bin/quickstart, which also removes it." > "$lab/LAB"
    exec 9> "$lab/lock"
    flock -n 9 || die "another bin/quickstart is at work in $lab."
}

# Empties it of what a run before has left.
lab_empty() {
    (cd "$lab" && rm -rf "${lab_files[@]}")
    mkdir "$lab/log" "$lab/pid"
}

lab_remove() {
    (cd "$lab" && rm -rf "${lab_files[@]}" LAB lock)
    rmdir --ignore-fail-on-non-empty "$lab"
}
