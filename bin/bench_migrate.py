"""`bin/bench migrate`: a whole backup of a VM, against the chain that a user would build from parts. Called by bin/bench.

A simulated vCenter whose VM has one disk, a stand-in for VDDK under nbdkit, a real sshd, a real hub. All end in a QCOW2
image behind qemu-nbd on the far side of SSH, and each result is compared with the disk. Nobody's time has the snapshot in
it: the simulator copies the disk to take one, and a user's chain needs one, too. Everything else that is not a server of the
far side is started within the time: JVM, login at vCenter, nbdkit, ssh.
"""

import contextlib
import itertools
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

from bench_migrate_lab import Client, Image, Kept, Vm
from bench_tunnel import Hub, await_true, free_port, listens
from benchlib import KIB, MIB, MIGRATEKIT, ROOT, family_cpu_seconds, interval

CELL_BYTES = 64 * KIB
EXTENTS_PYTHON = "/usr/bin/python3"  # the one that Debian's python3-libnbd is for
MOMENTS = {  # The last word that migratekit says before a part of the time ends.
    "before": "to CreateSnapshot_Task", "snapshot": " froze ", "copy": "all of it is durable", "thaw": "removed the snapshot",
    "seal": "proved and sealed"}


class Migratekit:
    """`migratekit migrate`, to the hub or into an export."""

    def __init__(self, to_hub):
        self.to_hub = to_hub

    def prepare(self, lab, full):
        if self.to_hub:
            return
        if full:
            self.image = Image(lab.folder / "direct.qcow2", lab.disk_bytes)
        self.image.serve()

    def run(self, lab, client, full, port):
        self.job = f"{'full' if full else 'increment'}-{lab.number}-{'hub' if self.to_hub else 'direct'}"
        where = (["--hub", f"http://127.0.0.1:{lab.kept.port}", "--hub-token-file", lab.kept.token] if self.to_hub else
                 ["--nbd-target", f"nbd://127.0.0.1:{self.image.port}/disk"])
        began = time.perf_counter()
        process = client.start(
            [MIGRATEKIT, "migrate", "--job-id", self.job, *lab.vm.words(), *where, "--state-dir", lab.folder / "state",
             "--progress", "none", "-v", "--audit-every", "0", "--ssh", f"127.0.0.1:{port}", "--ssh-key", lab.hub.folder / "user_key",
             "--ssh-known-hosts", lab.hub.folder / "known_hosts"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        said, moments = [], {}
        for line in process.stderr:
            said.append(line)
            for name, words in MOMENTS.items():
                if words in line:
                    moments.setdefault(name, time.perf_counter() - began)
        if client.end(process, asked=False) != 0:
            sys.exit("bench: migratekit failed:\n" + "".join(said[-30:]))
        wanted = "everything" if full else "incremental"
        if not any(f": {wanted}, " in line for line in said):
            sys.exit(f"bench: this was not {wanted}:\n" + "".join(said))
        moments["end"] = time.perf_counter() - began
        parts, last = {}, 0
        for name, moment in moments.items():
            parts[name], last = moment - last, moment
        return moments["end"] - parts["snapshot"], parts

    def server(self, lab):
        return lab.kept.process if self.to_hub else self.image.process

    def finish(self, lab):
        lab.vm.forget_truths()
        if not self.to_hub:
            self.image.stop()
            return self.image.path
        return lab.kept.folder / "repository" / lab.kept.ask(f"backups/{self.job}")["disks"][0]["layer"]

    def forget(self, lab):
        if self.to_hub:
            for what in "increment", "full":
                lab.kept.ask(f"backups/{what}-{lab.number}-hub", "-X", "DELETE")


class Parts:
    """nbdkit, `ssh -L` to qemu-nbd, and something that copies. Increments begin with a copy of the full image."""

    def __init__(self, copy, ssh=(), nbdkit=()):
        self.copy, self.ssh, self.nbdkit = copy, ssh, list(nbdkit)

    def prepare(self, lab, full):
        self.image = Image(lab.folder / "parts.qcow2", lab.disk_bytes)
        if not full:
            shutil.copyfile(lab.full_image, self.image.path)
        self.image.serve()

    def run(self, lab, client, full, port):
        source, near = lab.folder / "source.sock", free_port()
        source.unlink(missing_ok=True)
        words = self.copy(full, lab.ranges, f"nbd+unix:///?socket={source}", f"nbd://127.0.0.1:{near}/disk")
        began = time.perf_counter()
        client.start(lab.vm.nbdkit(source, self.nbdkit))
        client.start(["ssh", "-F", "none", "-N", "-i", lab.hub.folder / "user_key", "-p", str(port), *self.ssh,
                      "-o", f"UserKnownHostsFile={lab.hub.folder}/known_hosts", "-o", "BatchMode=yes",
                      "-L", f"127.0.0.1:{near}:127.0.0.1:{self.image.port}", "127.0.0.1"])
        await_true("nbdkit", source.exists)
        await_true("ssh -L", lambda: listens(near))
        if client.end(client.start(words), asked=False) != 0:
            sys.exit(f"bench: {words} failed")
        return time.perf_counter() - began, {}

    def server(self, lab):
        return self.image.process

    def finish(self, lab):
        self.image.stop()
        if self.image.path.exists() and not lab.full_image.exists():
            shutil.copyfile(self.image.path, lab.full_image)
        return self.image.path

    def forget(self, lab):
        pass


def plain_copy(full, ranges, source, target):
    return ["nbdcopy", "--flush", source, target]


def tuned_copy(full, ranges, source, target):
    return ["nbdcopy", "--flush", "--connections=4", "--requests=64", *(["--destination-is-zero"] if full else []), source, target]


def one_by_one(full, ranges, source, target):
    return [EXTENTS_PYTHON, ROOT / "bin/bench_extents.py", ranges, source, target]


def sixteen_at_once(full, ranges, source, target):
    return [*one_by_one(full, ranges, source, target), "16"]


FAST_SSH = ["-c", "aes128-gcm@openssh.com"]
MULTI_CONN = ["--filter=multi-conn", "multi-conn-mode=unsafe"]
HUB, DIRECT = Migratekit(to_hub=True), Migratekit(to_hub=False)
OURS = {"migratekit, hub": HUB, "migratekit, direct": DIRECT}
NBDCOPY = {"nbdcopy": Parts(plain_copy), "nbdcopy, tuned": Parts(tuned_copy, FAST_SSH, MULTI_CONN)}
SCRIPTS = {"script, one by one": Parts(one_by_one, FAST_SSH), "script, 16 at once": Parts(sixteen_at_once, FAST_SSH)}
CASES = {"full": OURS | NBDCOPY, "increment": OURS | NBDCOPY | SCRIPTS}


class Lab:
    """What all roads share in one round: the VM, the hub, sshd, and where the images are."""

    def __init__(self, folder, vm, kept, hub, number, disk_bytes):
        self.vm, self.kept, self.hub, self.number, self.disk_bytes = vm, kept, hub, number, disk_bytes
        self.folder = folder / f"round-{number}"
        self.folder.mkdir()
        self.ranges, self.full_image = self.folder / "ranges.json", self.folder / "full.qcow2"

    def change(self, percent, rng):
        """The VM writes single cells all over its disk."""
        cells = self.disk_bytes // CELL_BYTES
        ranges = [{"offset": cell * CELL_BYTES, "length": CELL_BYTES}
                  for cell in sorted(rng.sample(range(cells), max(1, int(cells * percent / 100))))]
        with open(self.vm.disk, "r+b") as disk:
            for piece in ranges:
                disk.seek(piece["offset"])
                disk.write(rng.randbytes(CELL_BYTES))
        self.ranges.write_text(json.dumps(ranges))

    def run(self, name, road, full, port):
        road.prepare(self, full)
        server = road.server(self)
        client = Client()
        try:
            before = family_cpu_seconds(server.pid), family_cpu_seconds(self.hub.sshd.pid), self.hub.wire_bytes()
            wall, parts = road.run(self, client, full, port)
            served, wire = family_cpu_seconds(server.pid) - before[0], self.hub.wire_bytes()
        finally:
            client.end_all()
        time.sleep(0.1)  # sshd counts its children when it has seen them end.
        sshd = family_cpu_seconds(self.hub.sshd.pid) - before[1]
        image = road.finish(self)
        if subprocess.run(["qemu-img", "compare", "-U", "-f", "raw", "-F", "qcow2", self.vm.disk, image],
                          stdout=subprocess.DEVNULL).returncode != 0:
            sys.exit(f"bench: what {name} made is not what the disk holds")
        return {"wall": wall, "parts": parts, "client": client.cpu, "sshd": sshd, "served": served,
                "cpu": client.cpu + sshd + served, "wire": sum(wire) - sum(before[2]), "load": os.getloadavg()[0]}

    def end(self):
        for road in OURS.values():
            road.forget(self)
        shutil.rmtree(self.folder)


def show(case, results, wires, rng):
    """The table of a case; ratios are to that nbdcopy which was faster."""
    reference = min(NBDCOPY, key=lambda name: statistics.median(r["wall"] for r in results[name]))
    loads = [r["load"] for rows in results.values() for r in rows]
    print(f"\n{case}, load {min(loads):.1f} to {max(loads):.1f}; ratios to {reference}, round by round")
    print(f"{'':20} {'wall s':>7} {'ratio':>6} {'95 %':>13}  {'cpu s':>6} {'ratio':>6} {'95 %':>13}  client  sshd server  wire MiB")
    for name, rows in results.items():
        line = f"{name:20}"
        for what in "wall", "cpu":
            ratios = [mine[what] / theirs[what] for mine, theirs in zip(rows, results[reference])]
            low, high = interval(ratios, rng)
            line += f" {statistics.median(r[what] for r in rows):7.2f} {statistics.median(ratios):6.2f} {low:6.2f}-{high:<6.2f} "
        for what in "client", "sshd", "served":
            line += f" {statistics.median(r[what] for r in rows):6.2f}"
        print(f"{line} {wires[name] / MIB:9.1f}")
    for name in OURS:
        parts = {part: statistics.median(r["parts"][part] for r in results[name]) for part in results[name][0]["parts"]}
        print(f"  {name}, s: " + ", ".join(f"{part} {seconds:.2f}" for part, seconds in parts.items()), flush=True)


def measure(args, rng, folder, vm, kept, hub, counter, disk_bytes):
    seen = {case: {name: [] for name in roads} for case, roads in CASES.items()}
    wires = {case: {} for case in CASES}
    for number in range(args.rounds + 1):  # The first one warms up, and goes through the proxy that counts.
        port = hub.port if number == 0 or counter else hub.direct_port
        lab = Lab(folder, vm, kept, hub, next(args.numbers), disk_bytes)
        for case, roads in CASES.items():
            if case == "increment":
                lab.change(args.changed, rng)
            for name in list(roads)[::1 if number % 2 else -1]:
                result = lab.run(name, roads[name], case == "full", port)
                if number == 0:
                    wires[case][name] = result["wire"]
                else:
                    seen[case][name].append(result)
        lab.end()
    for case in CASES:
        show(case, seen[case], wires[case], rng)


def main(args, mixed_disk):
    if subprocess.run([EXTENTS_PYTHON, "-c", "import nbd"], stderr=subprocess.DEVNULL).returncode != 0:
        sys.exit("bench: not installed: python3-libnbd")
    args.rounds, args.numbers = args.rounds or 5, itertools.count()
    rng = random.Random(args.seed)
    disk_bytes = (args.size or 2048 * MIB) // MIB * MIB
    with tempfile.TemporaryDirectory(dir=args.dir, prefix="migratekit-bench-") as name:
        folder = Path(name)
        for part in "vcenter", "hub":
            (folder / part).mkdir()
        with contextlib.ExitStack() as stack:
            vm = Vm(folder / "vcenter", disk_bytes)
            stack.callback(vm.stop)
            kept = Kept(folder / "hub")
            stack.callback(kept.stop)
            data_bytes = mixed_disk(vm.disk, disk_bytes, args.percent or 60, rng)
            print(f"seed={args.seed} disk={disk_bytes} data={data_bytes} changed={args.changed:g}% rounds={args.rounds} cpus={os.cpu_count()}")
            for round_trip in map(float, args.delay.split(",")):
                hub = Hub(folder / f"road-{round_trip}", round_trip, counted=True)
                try:
                    print(f"\nround trip {round_trip:g} ms", flush=True)
                    measure(args, rng, folder, vm, kept, hub, round_trip > 0, disk_bytes)
                finally:
                    hub.stop()
    print("\nThe snapshot is in nobody's time. CPU: client is all processes of the near side, server qemu-nbd or the hub with"
          " its own. Wire: both ways, as SSH sends it.")
