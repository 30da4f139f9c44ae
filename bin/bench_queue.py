"""`bin/bench queue`: how many jobs can wait at a hub, and how fast do they begin? Called by bin/bench.

A real `hub serve`, asked over its unix socket; with a database of its own (H2), then with a real PostgreSQL. Agents are a small client
here that asks for work as `agent serve` does and says of each job at once that it is done, so nothing is backed up. For each
number of jobs: they are ordered one by one while none may begin (their hosts have no room), then others are ordered whose host
has room, one after the other; then the limit is lifted and all of them go through.
"""

import concurrent.futures
import glob
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from bench_tunnel import await_true
from benchlib import MIB, MIGRATEKIT, cpu_seconds

AGENTS, SLOTS, HOSTS, FREE, LOOKS = 4, 16, 50, 20, 10.0
IDLE = 15.0  # The hub ends a connection after twice that.


class Server:
    """Requests to a hub over a connection that stays. Python's own client does not know interim answers, which a hub gives."""

    def __init__(self, path):
        self.path, self.used = str(path), None

    def connect(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(120)
        self.socket.connect(self.path)
        self.answers = self.socket.makefile("rb")

    def ask(self, verb, path, body=None):
        if self.used is None or time.monotonic() - self.used > IDLE:
            self.connect()
        self.used = time.monotonic()
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{verb} /api/v1/{path} HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        self.socket.sendall(head.encode() + content)
        status = 100
        while status < 200:
            status = int(self.answers.readline().split()[1])
            headers = {}
            while (line := self.answers.readline().strip()) != b"":
                name, _, value = line.partition(b":")
                headers[name.lower()] = value.strip()
        said = self.answers.read(int(headers.get(b"content-length", 0))) if b"transfer-encoding" not in headers else self.chunks()
        if status >= 300:
            raise RuntimeError(f"{verb} {path} was answered with {status}: {said.decode()}")
        return json.loads(said) if said else {}

    def chunks(self):
        said = b""
        while (length := int(self.answers.readline(), 16)) > 0:
            said += self.answers.read(length)
            self.answers.readline()
        self.answers.readline()
        return said


class Agent(threading.Thread):
    """Takes what it is given, and says the next time that it is done."""

    def __init__(self, path, name, started):
        super().__init__(daemon=True)
        self.server, self.name, self.started, self.over = Server(path), name, started, threading.Event()

    def run(self):
        jobs = []
        while not self.over.is_set():
            said = [{"job": job["job"], "vm": job["vm"], "vmName": job["vmName"], "code": 0} for job in jobs]
            orders = self.server.ask("POST", f"agents/{self.name}/poll", {
                "version": "bench", "slots": SLOTS, "waitSeconds": 0 if said else 5, "jobs": said})
            jobs = orders["start"]
            now = time.monotonic()
            for job in jobs:
                self.started[job["job"]] = now


class Postgres:
    """A PostgreSQL as the distribution has it, with its own folder; it does not run as root."""

    def __init__(self, folder):
        self.folder = folder / "postgres"
        self.folder.mkdir()
        self.programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.before = []
        if os.getuid() == 0:
            folder.chmod(0o755)
            shutil.chown(self.folder, "postgres")
            self.before = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--reset-env"]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        data = self.folder / "data"
        self.run("initdb", "-D", data, "-A", "trust", "-U", "hub")
        self.run("pg_ctl", "-D", data, "-w", "-l", self.folder / "log", "-o",
                 f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories={self.folder}", "start")
        self.pid = int((data / "postmaster.pid").read_text().split()[0])
        self.words = ["--database", f"jdbc:postgresql://127.0.0.1:{self.port}/postgres", "--database-user", "hub"]

    def run(self, program, *words):
        subprocess.run([*self.before, f"{self.programs}/{program}", *map(str, words)], check=True, stdout=subprocess.DEVNULL)

    def family(self):
        return [self.pid, *map(int, Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split())]

    def mib(self):
        """What its processes share is counted once."""
        total = 0
        for pid in self.family():
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return total / 1024

    def cpu(self):
        return sum(cpu_seconds(pid) for pid in self.family())

    def close(self):
        self.run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")


def rss_mib(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def vm(number, host):
    return {"vm": f"vm-{number:05}", "name": f"machine-{number:05}", "host": host, "disks": 1,
            "datastores": [{"name": f"ds-{number % HOSTS}"}]}


def measure(folder, jobs, database):
    socket_path = folder / "api"
    hub = subprocess.Popen(
        [MIGRATEKIT, "hub", "serve", "--repository", folder / "repository", "--listen", f"unix:{socket_path}",
         "--exports", f"unix:{folder}/x", "--reserve", "1M", *(database.words if database else [])],
        stderr=subprocess.DEVNULL)
    agents = []
    try:
        await_true("the hub", socket_path.exists)
        server = Server(socket_path)
        vms = [vm(i, f"esx-{i % HOSTS}") for i in range(jobs)]
        free = [vm(jobs + i, "free") for i in range(FREE)]
        started = {}
        agents = [Agent(socket_path, f"agent-{i}", started) for i in range(AGENTS)]
        for agent in agents:
            agent.start()
        for i in range(AGENTS):
            server.ask("PUT", f"agents/agent-{i}/vms", {"vcenter": "vc", "vms": (vms + free)[i::AGENTS]})
        limits = {"hub": AGENTS * SLOTS, "vcenter": 1000, "datastore": 1000}
        server.ask("PUT", "limits", {**limits, "host": 0, "only": [{"name": "host:free", "most": 1000}]})
        local = threading.local()

        def mine():
            if not hasattr(local, "server"):
                local.server = Server(socket_path)
            return local.server

        def order(one):
            mine().ask("PUT", f"vms/{one['vm']}", {"name": one["name"], "disks": []})
            begun = time.monotonic()
            job = mine().ask("POST", "backups", {"vm": one["vm"]})["id"]
            return job, begun, time.monotonic() - begun

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            orders = list(pool.map(order, vms))
        row = {"jobs": jobs, "database": "PostgreSQL" if database else "H2",
               "order_ms": 1000 * statistics.median(took for _, _, took in orders)}
        before = cpu_seconds(hub.pid), database.cpu() if database else 0
        time.sleep(LOOKS)
        row["idle_hub"] = (cpu_seconds(hub.pid) - before[0]) / LOOKS
        row["idle_database"] = ((database.cpu() - before[1]) / LOOKS) if database else 0
        begins = []
        for one in free:
            job, begun, _ = order(one)
            await_true("its start", lambda job=job: job in started)
            begins.append(1000 * (started[job] - begun))
        row["begin_ms"], row["begin_worst_ms"] = statistics.median(begins), max(begins)
        begun = time.monotonic()
        server.ask("GET", "jobs")
        row["list_ms"] = 1000 * (time.monotonic() - begun)
        row["hub_mib"], row["database_mib"] = rss_mib(hub.pid), database.mib() if database else 0
        cpu = cpu_seconds(hub.pid) + (database.cpu() if database else 0)
        begun = time.monotonic()
        server.ask("PUT", "limits", {**limits, "host": 1000, "only": []})
        while len(started) < jobs + FREE:
            if time.monotonic() - begun > 1200:
                sys.exit(f"bench: {len(started)} of {jobs} jobs began within 20 min")
            time.sleep(0.02)
        row["seconds"] = time.monotonic() - begun
        row["cpu_ms_a_job"] = 1000 * (cpu_seconds(hub.pid) + (database.cpu() if database else 0) - cpu) / jobs
        row["hub_mib_after"] = rss_mib(hub.pid)
        return row
    finally:
        for agent in agents:
            agent.over.set()
        hub.terminate()
        hub.wait(60)


def main(args):
    print(f"{AGENTS} agents with {SLOTS} slots; medians of {FREE} orders; idle: processors busy while all wait")
    print("database    jobs  order ms  begin ms (worst)  list ms  idle hub+db  starts/s  CPU ms/job  hub MiB (after)  db MiB")
    for kind in ["H2", "PostgreSQL"]:
        for jobs in [int(number) for number in (args.jobs or "100,1000,3000,10000").split(",")]:
            with tempfile.TemporaryDirectory(dir=args.dir, prefix="migratekit-bench-") as name:
                database = Postgres(Path(name)) if kind == "PostgreSQL" else None
                try:
                    row = measure(Path(name), jobs, database)
                finally:
                    if database:
                        database.close()
            print(f"{row['database']:10} {row['jobs']:5} {row['order_ms']:9.1f} {row['begin_ms']:9.0f} ({row['begin_worst_ms']:5.0f}) "
                  f"{row['list_ms']:8.0f}  {row['idle_hub']:5.2f}+{row['idle_database']:.2f} {row['jobs'] / row['seconds']:10.1f} "
                  f"{row['cpu_ms_a_job']:11.1f} {row['hub_mib']:8.0f} ({row['hub_mib_after']:5.0f}) {row['database_mib']:7.0f}", flush=True)
