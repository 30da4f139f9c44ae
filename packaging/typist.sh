# shellcheck shell=bash
# Types what a page shows: packaging/lab.sh has docs/operations.md typed with this, so that the page is what is tested.
: "${root:?}" "${scratch:?}"
declare -A leader # of container.sh

# What a command prints for later ones, as it looks; the page calls it by the word, and says "prints the WORD".
declare -A shape=(
    [FINGERPRINT]='SHA256:[A-Za-z0-9+/]{43}'
    [THUMBPRINT]='([0-9A-F]{2}:){31}[0-9A-F]{2}'
    [TOKEN]='mkh_[A-Za-z0-9_-]+'
    [KEY]='ssh-ed25519 [^ ]+ [^ ]+'
)
# What was printed, or is known, by its word.
declare -A pasted=()
# What the page has for an example, and what is typed here.
declare -A instead=(
    ['--vddk-libdir /opt/vddk']='--source folder'
    ['/DC/vm/']='/DC0/vm/'
)

# type_page WORD FOLDER: types the blocks behind a comment <!-- WORD: MACHINE --> there, as root, in that folder of packages.
type_page() {
    local line machine='' command='' number=0 typed=0
    while IFS= read -r line <&3; do
        number=$((number + 1))
        case $line in
            "<!-- $1: "*) machine=${line#*: } machine=${machine% -->} ;;
            '```sh') ;;
            '```') machine='' ;;
            *)
                [[ -n $machine ]] || continue
                command+=$line$'\n'
                # Not to its end yet: a text that goes on until END, or a line that goes on.
                [[ ($command != *'<< END'* || $line = END) && $line != *\\ ]] || continue
                type_command "$machine" "$2" "$number" "$command"
                command=''
                typed=$((typed + 1))
                ;;
        esac
    done 3< "$root/docs/operations.md"
    [[ -z $machine && -z $command ]] || die "docs/operations.md:$number: a block does not end"
    ((typed > 0)) || die "docs/operations.md has no block for $1"
}

# type_command MACHINE FOLDER NUMBER COMMAND: what a comment of the page says is pasted or typed goes to its input.
type_command() {
    local place="docs/operations.md:$3" words='' input='' word command
    if [[ $4 =~ (paste|type)\ the\ ([A-Z]+) ]]; then
        [[ -n ${pasted[${BASH_REMATCH[2]}]:-} ]] || die "$place: nothing has printed the ${BASH_REMATCH[2]} yet"
        input=${pasted[${BASH_REMATCH[2]}]}$'\n'
    fi
    if [[ $4 =~ prints\ the\ ([A-Z]+) ]]; then words=${BASH_REMATCH[1]}; fi
    command=$(sed 's/ \{2,\}# .*//; s/ # .*//' <<< "$4")
    # Secrets are pasted, and never stand in a command.
    for word in FINGERPRINT THUMBPRINT; do command=${command//"$word"/"${pasted[$word]:-$word}"}; done
    for word in "${!instead[@]}"; do command=${command//"$word"/"${instead[$word]}"}; done
    command=${command//"30 22 * * *"/"$(on "$1" date -d '90 seconds' '+%-M %-H * * *')"}
    say "$1# ${command%%$'\n'*}"
    # shellcheck disable=SC2016 # the shell in the machine is to read these
    timeout 300 nsenter -t "${leader[$1]}" -m -u -i -n -p -C -- env -i HOME=/root TERM=dumb LC_ALL=C DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin bash -c '
            cd "/opt/debs/$1" && umask "$(cat /run/lab.umask 2> /dev/null || umask)"
            eval "$2"
            status=$?
            umask > /run/lab.umask
            exit $status' typist "$2" "$command" <<< "$input" > "$scratch/typed" 2>&1 ||
        die "$place: '${command%%$'\n'*}' ended with $?: $(tail -n 15 "$scratch/typed")"
    if [[ -n $words ]]; then
        pasted[$words]=$(grep -oE -m1 "${shape[$words]}" "$scratch/typed") || die "$place: no $words in what it prints: $(cat "$scratch/typed")"
    fi
}
