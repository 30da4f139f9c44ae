"""What the benchmarks share: sizes, processor time, and how sure a ratio is."""

import os
import statistics
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MIGRATEKIT = ROOT / "bin" / "migratekit"
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


def size(text):
    units = {"K": KIB, "M": MIB, "G": GIB, "T": 1 << 40}
    return int(text[:-1]) * units[text[-1]] if text[-1] in units else int(text)


def cpu_seconds(pid):
    """What a process has used so far, of the kernel's time and its own."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def family_cpu_seconds(pid):
    """The same of a process, its living descendants, and those whose end it has seen."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    total = sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            total += family_cpu_seconds(int(child))
        except FileNotFoundError:
            pass  # It has just ended; its parent has counted it by the next look.
    return total


def machine_cpu_seconds():
    """What all processors together have spent on anything but waiting."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def interval(ratios, rng):
    """The 95 % interval of the median, by drawing again from what was seen."""
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(4000))
    return medians[100], medians[-101]
