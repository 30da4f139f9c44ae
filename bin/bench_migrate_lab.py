"""What runs while `bin/bench migrate` measures: a simulated vCenter, a hub, images with a qemu-nbd, and the near side's processes."""

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from bench_tunnel import await_true, free_port, listens
from benchlib import MIB, MIGRATEKIT, ROOT

STAND_IN = ROOT / "vmware-cbt/src/test/resources/io/migratekit/vmware/vddk-standin.c"
BUILD_SECONDS = 900
HUNG_SECONDS = 1800


class Vm:
    """The simulated vCenter, and the one disk of its VM."""

    def __init__(self, folder, disk_bytes):
        self.folder = folder
        plugin = folder.parent / "vddk.so"
        subprocess.run(["gcc", "-std=gnu11", "-O1", "-fPIC", "-shared", "-o", plugin, STAND_IN], check=True)
        self.plugin = f"{plugin} root={folder}"
        told = folder.parent / "vcenter.out"
        with open(told, "w") as out:
            self.process = subprocess.Popen(
                [ROOT / "bin" / "simulator", folder, "--vm", f"web01={disk_bytes // MIB}", "--tracked", "web01", "--stay"],
                stdin=subprocess.DEVNULL, stdout=out)
        await_true("the simulated vCenter", lambda: self.ended() or "ready" in told.read_text().split(), BUILD_SECONDS)
        self.said = dict(line.split("=", 1) for line in told.read_text().splitlines() if "=" in line)
        self.disk = Path(self.said["disk"].split()[2])

    def ended(self):
        if self.process.poll() is not None:
            sys.exit("bench: the simulated vCenter ended instead of coming up")
        return False

    def words(self):
        return ["--vmware-path", "web01", "--vmware-endpoint", self.said["url"], "--vmware-username", self.said["user"],
                "--vmware-thumbprint", self.said["sha256"], "--vmware-password-file", self.said["password-file"],
                "--vddk-plugin", self.plugin]

    def nbdkit(self, socket, options):
        """The words of a server of the disk as it is, by a hand that has taken a snapshot `by-hand` of it."""
        frozen = self.folder / "frozen/by-hand/ds1/web01/web01.vmdk"
        if not frozen.exists():
            frozen.parent.mkdir(parents=True)
            os.link(self.disk, frozen)
        return ["nbdkit", "-f", "-r", "-U", socket, *options[:1], *self.plugin.split(), *options[1:], "server=127.0.0.1",
                f"user={self.said['user']}", f"password=+{self.said['password-file']}", f"thumbprint={self.said['sha1']}",
                "vm=moref=vm-1", "snapshot=by-hand", "transports=nbdssl:nbd", "file=[ds1] web01/web01.vmdk"]

    def forget_truths(self):
        shutil.rmtree(self.folder / "truth", ignore_errors=True)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)


class Kept:
    """The hub, which goes on running, as a hub does."""

    def __init__(self, folder):
        self.folder, self.socket, self.port = folder, folder / "api", free_port()
        exports = free_port()
        self.process = subprocess.Popen(
            [MIGRATEKIT, "hub", "serve", "--repository", folder / "repository", "--listen", f"unix:{self.socket}",
             "--listen", f"127.0.0.1:{self.port}", "--ports", f"{exports}-{exports}", "--reserve", "1M",
             "--keep-at-least", "0s"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        await_true("the hub", self.socket.exists, 60)  # Java listens in /proc/net/tcp6.
        token = subprocess.run([MIGRATEKIT, "hub", "token", "add", "--repository", folder / "repository", "--vm", "*", "bench"],
                               check=True, stdout=subprocess.PIPE).stdout
        self.token = folder / "token"
        self.token.touch(0o600)
        self.token.write_bytes(token)

    def ask(self, path, *words):
        said = subprocess.run(["curl", "-sSf", "--unix-socket", self.socket, *words, f"http://hub/api/v1/{path}"],
                              check=True, stdout=subprocess.PIPE).stdout
        return json.loads(said) if said else {}

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)


class Image:
    """A QCOW2 image on the far side, and a qemu-nbd for it while it is written."""

    def __init__(self, path, disk_bytes):
        self.path, self.port, self.process = path, free_port(), None
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, str(disk_bytes)], check=True)

    def serve(self):
        self.process = subprocess.Popen(["qemu-nbd", "-t", "-e", "8", "-f", "qcow2", "-x", "disk", "-b", "127.0.0.1",
                                         "-p", str(self.port), self.path])
        await_true("qemu-nbd", lambda: listens(self.port))

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=60)


class Client:
    """The processes of the near side, and what they used."""

    def __init__(self):
        self.cpu, self.running = 0, []

    def start(self, words, **more):
        self.running.append(subprocess.Popen(words, **more))
        return self.running[-1]

    def end(self, process, asked=True):
        """Waits for it; one that hangs is killed, and is then a failure of the benchmark."""
        if asked:
            process.terminate()
        killer = threading.Timer(HUNG_SECONDS, process.kill)
        killer.start()
        _, status, usage = os.wait4(process.pid, 0)
        killer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        self.running.remove(process)
        self.cpu += usage.ru_utime + usage.ru_stime
        return process.returncode

    def end_all(self):
        for process in reversed(self.running[:]):
            self.end(process)
