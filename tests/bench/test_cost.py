"""What an event costs the database is counted, and the benchmark runs."""

import json
import os
import sys
from pathlib import Path
from subprocess import run

import pytest

from tests.bench.bed import make_bed
from tests.bench.cost import COMMANDS, WRITES, WRITES_ALONE, count_alone, count_backlog, count_boot
from tests.bench.plan import SECTIONS
from tests.bench.tally import answered, total

ROOT = Path(__file__).parents[2]


async def test_an_event_posted_alone_is_written_five_times(mongodb_uri: str) -> None:
    async with make_bed(mongodb_uri, channels=1) as bed:
        counts = await count_alone(bed, 1)
    assert total(counts, "documents") <= WRITES_ALONE, counts


@pytest.mark.slow
async def test_a_backlog_holds_its_budget_of_writes_and_commands(mongodb_uri: str) -> None:
    async with make_bed(mongodb_uri, channels=1) as bed:
        boot = await count_boot(bed)
    async with make_bed(mongodb_uri, channels=1) as bed:
        counts = await count_backlog(bed, 200)
    assert total(counts, "documents") <= 200 * WRITES, counts
    # A boot is not a matter of events, and how early a stream's question is answered is the server's.
    assert answered(counts) - answered(boot) <= 200 * COMMANDS, (counts, boot)


@pytest.mark.slow
def test_the_benchmark_measures_everything(tmp_path: Path) -> None:
    report = tmp_path / "bench.json"
    words = [sys.executable, "-m", "tests.bench", "--quick", "--json", str(report)]
    ran = run(words, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603
    assert ran.returncode == 0, ran.stderr
    sections = json.loads(report.read_text())["sections"]
    assert list(sections) == list(SECTIONS)
    assert all(section["figures"] for section in sections.values())
    assert str(tmp_path) not in report.read_text()
