"""The most memory that each daemon ever held, after a small backlog and after a large one."""

import re
from pathlib import Path

from tests.bench.bed import Bed, make_bed
from tests.bench.load import send_all
from tests.bench.plan import Plan
from tests.bench.report import Figure, Say, Section
from tests.e2e.daemon import Daemon

MOST_MIB, FLAT = 120, 1.15
PROC = Path("/proc/self/status").exists()
SLOWEST = 50  # events a second: less than this is a fault
Peaks = dict[str, float]


async def measure(uri: str, plan: Plan, say: Say) -> Section:
    """Let fresh daemons work off both backlogs; without /proc nothing is measured."""
    if not PROC:
        return Section([], {}, {"skipped": "this system does not tell a process's peak memory"})
    peaks = []
    for number in (plan.memory_small, plan.memory_large):
        say(f"a backlog of {number:,}")
        async with make_bed(uri) as bed:
            peaks.append(await _work_off(bed, number))
    small, large = peaks
    figures = [
        figure
        for verb in small
        for figure in (
            Figure(f"peak memory of {verb}, {plan.memory_small:,} events", small[verb], "MiB", at_most=MOST_MIB),
            Figure(f"peak memory of {verb}, {plan.memory_large:,} events", large[verb], "MiB", at_most=MOST_MIB),
            Figure(f"growth of {verb}", large[verb] / small[verb], at_most=FLAT),
        )
    ]
    return Section(figures, {"small": plan.memory_small, "large": plan.memory_large})


async def _work_off(bed: Bed, number: int) -> Peaks:
    ingest = await bed.start("ingest").ready()
    await send_all(await ingest.url(), number, clients=4)
    daemons = {"ingest": ingest} | {verb: bed.start(verb) for verb in ("watch", "bot")}
    await bed.until_delivered(number, 60 + number / SLOWEST)
    return {verb: _peak(daemon) for verb, daemon in daemons.items()}


def _peak(daemon: Daemon) -> float:
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found, status
    return int(found[1]) / 1024
