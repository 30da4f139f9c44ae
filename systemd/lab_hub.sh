# shellcheck shell=bash
# Does migratekit-hub.service do what docs/operations.md promises? systemd/lab.sh runs this in the container that it booted.
: "${leader[lab]:?}" "${here:?}" "${scratch:?}"

# shellcheck disable=SC2034 # lab.sh uses it.
unit=migratekit-hub
exports=127.0.0.1:10809

# Asks the API through its unix socket, once: who says READY has to answer.
hub() { curl -sS --max-time 30 --unix-socket "/proc/${leader[lab]}/root/run/migratekit-hub/hub.sock" "$@"; }
answers() { [[ $(hub http://hub/health) = '{"status":"ok",'* ]] || die "it is active, but does not answer: $(hub http://hub/health 2>&1)"; }
export_of() { hub "http://hub/api/v1/backups/$1" | jq -r '.disks[0].export'; }
# Writes a pattern into the export and reads it back, as an agent on this machine would.
writes() { ip netns exec "$here" qemu-io -f raw -c "write -P $1 $2 64k" -c "read -P $1 $2 64k" "nbd://$exports/lab-1-2000" > "$scratch/io" 2>&1 || die "$(cat "$scratch/io")"; }

step "the hub: active means that it answers"
in_lab sh -euc '
    install -m 644 /opt/lab/migratekit-hub.service /etc/systemd/system/
    mkdir -p /etc/systemd/system/migratekit-hub.service.d
    {
        echo "[Service]"
        echo "WatchdogSec=6s"
        echo "TimeoutAbortSec=4s"
        echo "ExecStart="
        sed -n "s/^ExecStart=.*/& --keep-at-least 0s --reserve 1M/p" /opt/lab/migratekit-hub.service
    } > /etc/systemd/system/migratekit-hub.service.d/quick.conf
    systemctl daemon-reload
    systemctl start migratekit-hub'
answers
owner=$(in_lab stat -c %U "/proc/$(show MainPID)")
[[ $owner = migratekit ]] || die "it runs as $owner"
[[ $(show StatusText) = "serves /var/lib/migratekit/hub at "* ]] || die "its status is: $(show StatusText)"
[[ $(hub -X POST --json '{"id":"lab-1","vm":"vm-1","name":"lab","workers":7,"disks":[{"key":2000,"capacityBytes":67108864}]}' \
    http://hub/api/v1/backups | jq -r '.disks[0].slots') = 8 ]] || die "no backup can be started"
uri=$(export_of lab-1)
[[ $uri = "nbd://$exports/lab-1-2000" ]] || die "the export is at $uri"
writes 17 0

step "the hub: the watchdog ends one that stands still, and its exports come back where they were"
before=$(show MainPID)
in_lab sh -c "kill -STOP $before"
await 30 '^1$' show NRestarts
await 30 '^active$' show ActiveState
answers
[[ $(show MainPID) != "$before" ]] || die "the process that stood still is still there"
[[ $(export_of lab-1) = "$uri" ]] || die "the export is now at $(export_of lab-1)"
[[ $(hub http://hub/api/v1/backups/lab-1 | jq -r '.disks[0].slots') = 8 ]] || die "the slots are not what was asked for"
writes 18 1M

step "the hub: a restart keeps what was open, and a seal proves it"
in_lab systemctl restart migratekit-hub
answers
[[ $(export_of lab-1) = "$uri" ]] || die "the export is now at $(export_of lab-1)"
writes 19 2M
sealed=$(hub -X POST --json '{"disks":[{"key":2000}]}' http://hub/api/v1/backups/lab-1/seal)
[[ $(jq -r .state <<< "$sealed") = sealed ]] || die "the seal says: $sealed"
in_lab qemu-io -r -f qcow2 -c 'read -P 17 0 64k' -c 'read -P 18 1M 64k' -c 'read -P 19 2M 64k' \
    "/var/lib/migratekit/hub/$(jq -r '.disks[0].layer' <<< "$sealed")" > "$scratch/io" 2>&1 || die "$(cat "$scratch/io")"

step "the hub: the timer's service removes what the retention does not keep, and nothing without one"
point() {
    hub --json "{\"id\":\"$1\",\"vm\":\"vm-1\",\"name\":\"lab\",\"disks\":[{\"key\":2000,\"capacityBytes\":67108864}]}" \
        http://hub/api/v1/backups > /dev/null
    hub --json '{"disks":[{"key":2000}]}' "http://hub/api/v1/backups/$1/seal" > /dev/null
}
points() { hub 'http://hub/api/v1/backups?vm=vm-1' | jq -c '[.backups[].id]'; }
point lab-3
in_lab sh -euc '
    install -m 644 /opt/lab/migratekit-hub-prune.service /opt/lab/migratekit-hub-prune.timer /etc/systemd/system/
    systemctl daemon-reload
    systemctl start migratekit-hub-prune.timer'
! in_lab systemctl start migratekit-hub-prune 2> "$scratch/prune" || die "it pruned without a policy"
[[ $(points) = '["lab-1","lab-3"]' ]] || die "without a policy there is left: $(points)"
in_lab sh -euc 'printf "[retention]\nkeep-last = 1\n" >> /etc/migratekit/migratekit.toml'
in_lab systemctl start migratekit-hub-prune || die "$(in_lab journalctl --no-pager -o cat -u migratekit-hub-prune | tail -n 5)"
[[ $(points) = '["lab-3"]' ]] || die "there is left: $(points)"
next=$(in_lab systemctl show --value -p NextElapseUSecRealtime migratekit-hub-prune.timer)
[[ $next = *:* ]] || die "the timer does not wait: next=$next"

step "the hub: it stops within ten seconds and leaves nothing"
hub --json '{"id":"lab-2","vm":"vm-2","name":"lab","disks":[{"key":2000,"capacityBytes":67108864}]}' \
    http://hub/api/v1/backups > /dev/null
began=${EPOCHREALTIME/[.,]/}
in_lab systemctl stop migratekit-hub
took=$(((${EPOCHREALTIME/[.,]/} - began) / 1000))
((took < 10000)) || die "stopping took $took ms"
[[ $(show Result) = success && $(show ActiveState) = inactive ]] || die "it ended as $(show ActiveState), $(show Result)"
! in_lab sh -c 'grep -qs qemu-nbd /proc/[0-9]*/comm' || die "an export is still there"
! in_lab test -e /run/migratekit-hub || die "its socket is still there"

step "the hub: what it may do is little"
in_lab systemd-analyze security --threshold=25 migratekit-hub > "$scratch/exposed" 2>&1 || die "$(tail -n 2 "$scratch/exposed")"
