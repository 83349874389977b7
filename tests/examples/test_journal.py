"""The example: a package of somebody else's, with real daemons, killed as ever."""

import asyncio
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from telemetry.ops.verify import verify
from tests.e2e.world import World, submit
from tests.until import until

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "journal"
GUIDE = (ROOT / "docs" / "consumers.md").read_text()
EVENTS = 30


def installed(folder: Path) -> str:
    """Make the example importable with its entry points, as an installer would; answer with the path to search."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    info = folder / "tellonce_journal-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return f"{folder}{os.pathsep}{EXAMPLE}"


@pytest.mark.slow
async def test_every_event_is_in_the_journal_once_though_its_courier_is_killed_again_and_again(
    world: World, tmp_path: Path
) -> None:
    journal = tmp_path / "kept.ndjson"
    world.config.write_text(world.config.read_text() + f'[journal]\npath = "{journal}"\n')
    world.env |= {"PYTHONPATH": installed(tmp_path / "site")}
    ingest = await world.start_plainly("ingest").ready()
    await world.start_plainly("watch").ready()
    url, keys = await ingest.url(), [f"sign_up:u{number}" for number in range(EVENTS)]

    def written() -> list[str]:
        lines = journal.read_text().splitlines() if journal.exists() else []
        return [json.loads(line)["key"] for line in lines[:-1]]

    async def more_than(number: int) -> bool:
        """The journal grows."""
        return len(written()) > number

    for start in range(0, EVENTS, 10):
        courier = await world.start_plainly("courier", "journal").ready()
        before = len(written())
        events = [{"event": "sign_up", "distinct_id": f"u{number}"} for number in range(start, start + 10)]
        assert (await submit(url, events))[0] == 202
        await until(lambda: more_than(before))  # noqa: B023 - it is awaited at once
        courier.kill()
    last = await world.start_plainly("courier", "journal").ready()

    async def all_there() -> bool:
        """Every event is in it."""
        return len(journal.read_text().splitlines()) >= EVENTS

    await until(all_there)
    assert 0 == last.stop()
    assert sorted(keys) == sorted(json.loads(line)["key"] for line in journal.read_text().splitlines())
    assert (await verify(world.connection)).holds


@pytest.mark.slow
def test_the_authors_own_tests_pass(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(tmp_path), str(EXAMPLE)]
    env = {**os.environ, "PYTHONPATH": f"{EXAMPLE}{os.pathsep}{ROOT}"}
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603
    assert 0 == done.returncode, done.stdout + done.stderr


def test_it_takes_less_than_sixty_lines() -> None:
    lines = len((EXAMPLE / "tellonce_journal.py").read_text().splitlines())
    assert lines < 60
    assert f"in {lines} lines" in GUIDE
    assert f"in {lines} lines" in (EXAMPLE / "README.md").read_text()


def test_what_the_guide_shows_of_the_example_is_the_example() -> None:
    sources = [(EXAMPLE / name).read_text() for name in ("tellonce_journal.py", "test_journal.py", "pyproject.toml")]
    blocks = re.findall(r"```(?:python|toml)\n(.*?)```", GUIDE, re.DOTALL)
    assert len(blocks) >= 5
    unseen = [block for block in blocks if not any(_holds(source, block) for source in sources)]
    (gentle,) = unseen
    assert "class Gentle" in gentle


def test_the_guides_other_block_runs() -> None:
    (gentle,) = (block for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL) if "Gentle" in block)
    names = (
        "from telemetry.core.backoff import Schedule\n"
        "from telemetry.core.carrier import Carrier, Closed, Errand, Terms\n"
        "from telemetry.core.outcome import Delivered\n"
    )
    made: dict[str, type] = {}
    exec(names + gentle, made)  # noqa: S102 - our own guide
    terms = asyncio.run(made["Gentle"]().terms("file:here"))
    assert (1, True, 5.0) == (terms.concurrency, terms.ordered, terms.rate)


def _holds(source: str, block: str) -> bool:
    return all(part.strip() in source for part in re.split(r"\n\n+", block))
