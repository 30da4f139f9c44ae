"""`bin/bench tunnel`: how fast is the road through SSH? Called by bin/bench.

A real sshd on 127.0.0.1, a disk of random bytes on one side, a fresh QCOW2 image on the other; in between
`nbdcopy` over `ssh -L` with OpenSSH's default cipher and with AES-GCM, `nbdcopy` over a forward of `tunnel run`, and
`migratekit copy` with an SSH road of its own. The forwards stand before the time begins; `migratekit copy` starts its
JVM and logs in within it. Round trips are made by delay_proxy.py, between the SSH client and sshd.
"""

import os
import random
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchlib import MIB, MIGRATEKIT, ROOT, cpu_seconds, family_cpu_seconds, interval, machine_cpu_seconds

PATIENCE_SECONDS = 15
SINGLE_BYTES = 96 * MIB


def add_arguments(parser):
    group = parser.add_argument_group("of tunnel, restore and migrate")
    group.add_argument("--delay", default="0", help="round trips to measure, in ms, with commas (default: 0)")
    group.add_argument("--ways", default="up,down,single", help="of these, with commas (default: all)")
    group.add_argument("--roads", help="words of their names, with commas (default: all)")
    group.add_argument("--target", choices=["qcow2", "raw"], default="qcow2", help="what is written to")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def await_true(what, condition, seconds=PATIENCE_SECONDS):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"bench: {what} did not come up within {seconds} s")
        time.sleep(0.01)


def listens(port):
    wanted = f"0100007F:{port:04X}"
    return any(line.split()[1] == wanted and line.split()[3] == "0A" for line in open("/proc/net/tcp"))


class Hub:
    """An sshd with keys of its own, and perhaps a long road to it, or one on which bytes are counted."""

    def __init__(self, folder, round_trip_ms, counted=False):
        self.folder = folder
        folder.mkdir()
        for key in "host_key", "user_key":
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
        shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
        port = self.port = self.direct_port = free_port()
        config = folder / "sshd_config"
        config.write_text(
            f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder}/host_key\nPidFile none\n"
            f"AuthorizedKeysFile {folder}/authorized_keys\nPermitRootLogin prohibit-password\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nStrictModes no\n")
        Path("/run/sshd").mkdir(exist_ok=True) if os.getuid() == 0 else None
        self.sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", config], stderr=subprocess.DEVNULL)
        await_true("sshd", lambda: listens(port))
        self.proxy = None
        if round_trip_ms > 0 or counted:
            self.port = free_port()
            self.proxy = subprocess.Popen(
                [sys.executable, ROOT / "bin" / "delay_proxy.py", str(self.port), str(port), str(round_trip_ms / 2),
                 *([folder / "count"] if counted else [])])
            await_true("the proxy", lambda: listens(self.port))
        host_key = (folder / "host_key.pub").read_text()
        (folder / "known_hosts").write_text(
            "".join(f"[127.0.0.1]:{known} {host_key}" for known in {port, self.port}))

    def wire_bytes(self):
        """How many bytes went to sshd and came from it so far, if they are counted."""
        return struct.unpack("QQ", (self.folder / "count").read_bytes())

    def stop(self):
        for process in filter(None, [self.proxy, self.sshd]):
            process.terminate()
            process.wait(timeout=PATIENCE_SECONDS)


class Servers:
    """A source (nbdkit) and a target (qemu-nbd, a fresh image): one here on a unix socket, one there on a port."""

    def __init__(self, folder, disk, target, way):
        self.port = free_port()
        self.image, near = folder / "target.img", folder / "near.sock"
        for path in self.image, near:
            path.unlink(missing_ok=True)
        subprocess.run(["qemu-img", "create", "-q", "-f", target, self.image, str(disk.stat().st_size)], check=True)
        far_is_target = way != "down"
        source_at = ["-U", near] if far_is_target else ["-i", "127.0.0.1", "-p", str(self.port)]
        target_at = ["-b", "127.0.0.1", "-p", str(self.port)] if far_is_target else ["-k", near]
        self.processes = [
            subprocess.Popen(["nbdkit", "-f", "-r", *source_at, "file", disk]),
            subprocess.Popen(["qemu-nbd", "-t", "-f", target, "-e", "0", "-x", "", *target_at, self.image]),
        ]
        await_true("a server", lambda: near.exists() and listens(self.port))
        self.near, self.far = f"nbd+unix:///?socket={near}", f"nbd://127.0.0.1:{self.port}"

    def cpu(self):
        return sum(cpu_seconds(process.pid) for process in self.processes)

    def stop(self):
        for process in self.processes:
            process.terminate()
            process.wait(timeout=30)


class NoRoad:
    """The far server itself."""

    def __init__(self, hub, servers):
        self.uri, self.process = servers.far, None

    def stop(self):
        pass


class OpenSsh:
    """`ssh -L`, with the options that say which cipher."""

    def __init__(self, hub, servers, *options):
        port = free_port()
        self.process = subprocess.Popen(
            ["ssh", "-F", "none", "-N", "-i", hub.folder / "user_key", "-p", str(hub.port), *options,
             "-o", f"UserKnownHostsFile={hub.folder}/known_hosts", "-o", "BatchMode=yes",
             "-L", f"127.0.0.1:{port}:127.0.0.1:{servers.port}", "127.0.0.1"])
        await_true("ssh -L", lambda: listens(port))
        self.uri = f"nbd://127.0.0.1:{port}"

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=PATIENCE_SECONDS)


class TunnelRun(OpenSsh):
    """A forward of the tunnel service, in a JVM that has just been started."""

    def __init__(self, hub, servers):
        port = free_port()
        (hub.folder / "tunnel.toml").write_text(
            f'[tunnel.bench]\nhost = "127.0.0.1"\nport = {hub.port}\nkey = "{hub.folder}/user_key"\n'
            f'known-hosts = "{hub.folder}/known_hosts"\n[[tunnel.bench.forwards]]\ntype = "local"\n'
            f'listen = "127.0.0.1:{port}"\nto = "127.0.0.1:{servers.port}"\n')
        self.process = subprocess.Popen(
            [MIGRATEKIT, "tunnel", "run", "--config", hub.folder / "tunnel.toml", "bench"],
            env={**os.environ, "MIGRATEKIT_RUNTIME_DIR": str(hub.folder / "run")},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if " up" in line:
                break
        await_true("tunnel run", lambda: listens(port))
        self.uri = f"nbd://127.0.0.1:{port}"


class OwnRoad(NoRoad):
    """`migratekit copy` brings its own."""


def nbdcopy(way, road, hub, servers):
    ends = [road.uri, servers.near] if way == "down" else [servers.near, road.uri]
    options = ["--synchronous", "--connections=1"] if way == "single" else []
    return ["nbdcopy", "--flush", *options, *ends]


def migratekit(way, road, hub, servers):
    side = "--ssh" if way == "up" else "--source-ssh"
    ends = [servers.near, servers.far] if way == "up" else [servers.far, servers.near]
    return [MIGRATEKIT, "copy", "--progress", "none", f"{side}=127.0.0.1:{hub.port}",
            f"{side}-key={hub.folder}/user_key", f"{side}-known-hosts={hub.folder}/known_hosts", *ends]


ROADS = {
    "ssh -L": (OpenSsh, nbdcopy),
    "ssh -L aes128-gcm": (lambda hub, servers: OpenSsh(hub, servers, "-c", "aes128-gcm@openssh.com"), nbdcopy),
    "tunnel run": (TunnelRun, nbdcopy),
    "migratekit copy": (OwnRoad, migratekit),
    "no tunnel": (NoRoad, nbdcopy),
}


def run(folder, hub, disk, target, way, name, check):
    make_road, command = ROADS[name]
    servers = Servers(folder, disk, target, way)
    try:
        road = make_road(hub, servers)
        try:
            words = command(way, road, hub, servers)
            before = servers.cpu(), family_cpu_seconds(hub.sshd.pid), road.process and cpu_seconds(road.process.pid)
            proxied = hub.proxy and cpu_seconds(hub.proxy.pid)
            busy = machine_cpu_seconds()
            began = time.perf_counter()
            client = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            errors = client.stderr.read()
            _, status, usage = os.wait4(client.pid, 0)
            wall = time.perf_counter() - began
            busy = machine_cpu_seconds() - busy
            time.sleep(0.1)  # sshd counts its children when it has seen them end.
            far = family_cpu_seconds(hub.sshd.pid) - before[1]
            near = cpu_seconds(road.process.pid) - before[2] if road.process else 0
        finally:
            road.stop()
        if status != 0:
            sys.exit(f"bench: {words} failed: {errors.decode()}")
        result = {"wall": wall, "client": usage.ru_utime + usage.ru_stime, "near": near, "sshd": far,
                  "servers": servers.cpu() - before[0]}
        ours = sum(result.values()) - wall + (cpu_seconds(hub.proxy.pid) - proxied if hub.proxy else 0)
        result["others"] = max(0, busy - ours) / wall
    finally:
        servers.stop()
    if check:
        subprocess.run(["qemu-img", "compare", "-q", "-f", "raw", "-F", target, disk, servers.image], check=True)
    return result


def measure(args, rng, folder, hub, way, names, disk):
    seen = {name: [] for name in names}
    for round_number in range(args.rounds + 1):  # The first one warms up, and shows that the copies are right.
        for name in rng.sample(names, len(names)):
            result = run(folder, hub, disk, args.target, way, name, check=round_number == 0)
            if round_number > 0:
                seen[name].append(result)
    print(f"{'':20} {'MiB/s':>6} {'ratio':>6} {'95 %':>13}  cpu s: client  road  sshd servers")
    for name, results in seen.items():
        ratios = [theirs["wall"] / mine["wall"] for mine, theirs in zip(results, seen[names[0]])]
        low, high = interval(ratios, rng)
        speed = disk.stat().st_size / MIB / statistics.median(r["wall"] for r in results)
        parts = [statistics.median(r[part] for r in results) for part in ("client", "near", "sshd", "servers")]
        others = statistics.median(r["others"] for r in results)
        print(f"{name:20} {speed:6.0f} {statistics.median(ratios):6.2f} {low:6.2f}-{high:<6.2f} "
              f"{parts[0]:13.2f} {parts[1]:5.2f} {parts[2]:5.2f} {parts[3]:7.2f} {sum(parts):6.2f} {others:7.2f}")


def main(args):
    args.rounds = args.rounds or 5
    rng = random.Random(args.seed)
    wanted = args.roads.split(",") if args.roads else list(ROADS)
    names = [name for name in ROADS if name in wanted]
    with tempfile.TemporaryDirectory(dir=args.dir, prefix="migratekit-bench-") as name:
        folder = Path(name)
        disks = {}
        for what, length in ("disk", args.size or 1536 * MIB), ("small", SINGLE_BYTES):
            disks[what] = folder / what
            with open(disks[what], "wb") as disk:
                for _ in range(length // MIB):
                    disk.write(rng.randbytes(MIB))
        print(f"seed={args.seed} data={args.size or 1536 * MIB} rounds={args.rounds} target={args.target} cpus={os.cpu_count()}")
        for round_trip in map(float, args.delay.split(",")):
            hub = Hub(folder / f"hub-{round_trip}", round_trip)
            try:
                for way in args.ways.split(","):
                    runnable = [n for n in names if (way != "single" or n != "migratekit copy")
                                and (round_trip == 0 or n != "no tunnel")]
                    what = {"up": "to the hub", "down": "from the hub", "single": "to the hub, one request at a time"}
                    print(f"\n{what[way]}, round trip {round_trip:g} ms, load {os.getloadavg()[0]:.1f}")
                    measure(args, rng, folder, hub, way, runnable, disks["small" if way == "single" else "disk"])
            finally:
                hub.stop()
        print(f"\nThe ratios are of speed to {names[0]}, round by round; road: the near end of the tunnel, which in"
              " migratekit copy is part of the client; others: how many processors were busy with something else.")
