"""`bin/bench restore`: how fast does a restore point come back, and what does proving it cost? Called by bin/bench.

A real hub with a full backup and an increment over it, a real sshd, and round trips made by delay_proxy.py. The point
is brought into a raw file by `nbdcopy` over `ssh -L` from a read-only qemu-nbd, by `migratekit copy --no-hash` through
an SSH road of its own, which compares nothing, and by `migratekit hub restore`. The forwards stand before the time
begins; migratekit starts its JVM and logs in within it. A round trip of 0 ms means: without SSH.
"""

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_tunnel import Hub, await_true
from benchlib import MIB, MIGRATEKIT, interval

POINT = "increment"


class Kept:
    """A hub that has the disk as a restore point, in two layers."""

    def __init__(self, folder, disk, changed, rng):
        self.folder, self.socket = folder, folder / "api"
        self.process = subprocess.Popen(
            [MIGRATEKIT, "hub", "serve", "--repository", folder / "repository", "--listen", f"unix:{self.socket}",
             "--exports", f"unix:{folder}/x", "--reserve", "1M", "--keep-at-least", "0s"], stderr=subprocess.DEVNULL)
        await_true("the hub", self.socket.exists)
        size = disk.stat().st_size
        self.back_up("full", disk, size, [])
        with open(disk, "r+b") as file:
            for piece in changed:
                file.seek(piece["offset"])
                file.write(rng.randbytes(piece["length"]))
        self.back_up(POINT, disk, size, changed)
        point = self.ask(f"backups/{POINT}")["disks"][0]
        self.layer = folder / "repository" / point["layer"]
        self.served = folder / "point.sock"
        self.server = subprocess.Popen(["qemu-nbd", "-t", "-r", "-f", "qcow2", "-e", "0", "-x", "", "-k", self.served, self.layer])
        await_true("qemu-nbd", self.served.exists)

    def ask(self, path, body=None):
        words = ["curl", "-sS", "--unix-socket", self.socket, f"http://hub/api/v1/{path}"]
        said = subprocess.run(words + (["--json", json.dumps(body)] if body else []), check=True, stdout=subprocess.PIPE).stdout
        return json.loads(said.splitlines()[-1]) if said else {}

    def back_up(self, name, disk, size, changed):
        wanted = {"key": 2000, "capacityBytes": size}
        opened = self.ask("backups", {"id": name, "vm": "vm-1", "name": "bench", "workers": 4, "disks": [wanted]})
        source = self.folder / "source.sock"
        server = subprocess.Popen(["nbdkit", "-f", "-r", "-U", source, "file", disk])
        await_true("nbdkit", source.exists)
        ranges = self.folder / "ranges.json"
        ranges.write_text(json.dumps(changed))
        subprocess.run(
            [MIGRATEKIT, "copy", "--progress", "none", *(["--ranges", ranges] if changed else []),
             f"nbd+unix:///?socket={source}", opened["disks"][0]["export"]], check=True, stdout=subprocess.DEVNULL)
        server.terminate()
        server.wait(timeout=30)
        source.unlink(missing_ok=True)
        self.ask(f"backups/{name}/seal", {"disks": [{"key": 2000}]})

    def stop(self):
        for process in self.server, self.process:
            process.terminate()
            process.wait(timeout=30)


def ssh_words(hub, side):
    return [f"{side}=127.0.0.1:{hub.port}", f"{side}-key={hub.folder}/user_key",
            f"{side}-known-hosts={hub.folder}/known_hosts"] if hub else []


class Nbdcopy:
    """`nbdcopy` from the far socket, over `ssh -L` where there is a road."""

    def __init__(self, kept, hub, to):
        near = kept.served
        self.process = None
        if hub:
            near = to / "forward.sock"
            self.process = subprocess.Popen(
                ["ssh", "-F", "none", "-N", "-i", hub.folder / "user_key", "-p", str(hub.port),
                 "-o", f"UserKnownHostsFile={hub.folder}/known_hosts", "-o", "BatchMode=yes",
                 "-L", f"{near}:{kept.served}", "127.0.0.1"])
            await_true("ssh -L", near.exists)
        self.file = to / "disk.raw"
        self.words = ["nbdcopy", "--flush", f"nbd+unix:///?socket={near}", self.file]

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=30)


class Unproved:
    """`migratekit copy --no-hash` into a file that a qemu-nbd of this side serves."""

    def __init__(self, kept, hub, to):
        self.file, near = to / "disk.raw", to / "target.sock"
        size = int(json.loads(subprocess.check_output(["qemu-img", "info", "-U", "--output=json", kept.layer]))["virtual-size"])
        with open(self.file, "wb") as file:
            file.truncate(size)
        self.process = subprocess.Popen(
            ["qemu-nbd", "-t", "-f", "raw", "-e", "0", "-x", "", "--discard=unmap", "-k", near, self.file])
        await_true("qemu-nbd", near.exists)
        self.words = [MIGRATEKIT, "copy", "--progress", "none", "--no-hash", *ssh_words(hub, "--source-ssh"),
                      f"nbd+unix:///?socket={kept.served}", f"nbd+unix:///?socket={near}"]

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)


class Restore:
    """`migratekit hub restore`: every byte compared with what was sealed."""

    def __init__(self, kept, hub, to):
        self.file = to / "disk-2000.raw"
        self.words = [MIGRATEKIT, "hub", "restore", POINT, "--progress", "none", "--hub", f"unix:{kept.socket}", "--to", to,
                      "--format", "raw", *ssh_words(hub, "--ssh")]

    def stop(self):
        pass


ROADS = {"nbdcopy": Nbdcopy, "migratekit copy --no-hash": Unproved, "migratekit hub restore": Restore}


def run(kept, hub, folder, disk, name, check):
    to = Path(tempfile.mkdtemp(dir=folder))
    try:
        road = ROADS[name](kept, hub, to)
        try:
            began = time.perf_counter()
            client = subprocess.Popen(road.words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            errors = client.stderr.read()
            _, status, usage = os.wait4(client.pid, 0)
            wall = time.perf_counter() - began
        finally:
            road.stop()
        if status != 0:
            sys.exit(f"bench: {road.words} failed: {errors.decode()}")
        if check:
            subprocess.run(["qemu-img", "compare", "-q", "-f", "raw", "-F", "raw", disk, road.file], check=True)
        return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime}
    finally:
        shutil.rmtree(to)


def measure(args, rng, kept, hub, folder, disk, data_bytes):
    seen = {name: [] for name in ROADS}
    for round_number in range(args.rounds + 1):  # The first one warms up, and shows that what comes back is right.
        for name in rng.sample(list(ROADS), len(ROADS)):
            result = run(kept, hub, folder, disk, name, check=round_number == 0)
            if round_number > 0:
                seen[name].append(result)
    print(f"{'':26} {'MiB/s':>6}  {'speed to nbdcopy, 95 %':>22}  {'time to --no-hash, 95 %':>24}  client cpu s")
    for name, results in seen.items():
        line = f"{name:26} {data_bytes / MIB / statistics.median(r['wall'] for r in results):6.0f}"
        for over, other in (False, "nbdcopy"), (True, "migratekit copy --no-hash"):
            ratios = [m["wall"] / t["wall"] if over else t["wall"] / m["wall"] for m, t in zip(results, seen[other])]
            low, high = interval(ratios, rng)
            line += f"  {statistics.median(ratios):8.2f} {low:6.2f}-{high:<6.2f}"
        print(f"{line}  {statistics.median(r['cpu'] for r in results):12.2f}")


def main(args, mixed_disk):
    args.rounds = args.rounds or 5
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory(dir=args.dir, prefix="migratekit-bench-") as name:
        folder = Path(name)
        disk = folder / "disk.raw"
        disk_bytes = args.size or 1536 * MIB
        data_bytes = mixed_disk(disk, disk_bytes, args.percent or 80, rng)
        cells = sorted(rng.sample(range(disk_bytes // MIB), disk_bytes // MIB // 20))
        changed = [{"offset": cell * MIB, "length": MIB} for cell in cells]
        (folder / "hub").mkdir()
        kept = Kept(folder / "hub", disk, changed, rng)
        try:
            print(f"seed={args.seed} disk={disk_bytes} data={data_bytes} rounds={args.rounds} cpus={os.cpu_count()}")
            for round_trip in map(float, args.delay.split(",")):
                hub = Hub(folder / f"road-{round_trip}", round_trip) if round_trip else None
                try:
                    where = f"through SSH, round trip {round_trip:g} ms" if hub else "on one host, without SSH"
                    print(f"\n{where}, load {os.getloadavg()[0]:.1f}")
                    measure(args, rng, kept, hub, folder, disk, data_bytes)
                finally:
                    if hub:
                        hub.stop()
        finally:
            kept.stop()
