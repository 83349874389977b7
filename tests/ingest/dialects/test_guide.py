"""docs/producers.md: its examples run as they stand, and its lists are whole."""

import re
import sys
from pathlib import Path

import anyio
import pytest

from telemetry.ingest.interpreter import DIALECTS, limit_of
from telemetry.runtime.config import IngestLimits
from tests.ingest.dialects.conftest import Benches

GUIDE = (Path(__file__).parents[3] / "docs" / "producers.md").read_text()
EXAMPLES = dict(re.findall(r"```python (\w+)\n(.*?)```", GUIDE, re.DOTALL))


@pytest.mark.parametrize("dialect", EXAMPLES)
async def test_the_guides_example_reports_the_fact(benches: Benches, dialect: str) -> None:
    async with benches(ingest_keys="shop:shop-key") as bench:
        example = EXAMPLES[dialect].replace("http://127.0.0.1:8080", bench.url)
        with anyio.fail_after(60):
            await anyio.run_process([sys.executable, "-W", "ignore", "-c", example])
        (event,) = await bench.stored()
    assert ("sign_up:u42", "shop", "pro") == (event.key, event.source, event.properties["plan"])


def test_the_guide_names_every_dialect_its_paths_and_its_limits() -> None:
    assert {dialect.name for dialect in DIALECTS} == set(EXAMPLES)
    rows = {
        name.lower(): (int(size), int(count))
        for name, size, count in re.findall(r"\| (\w+) \| (\d+) \| (\d+) \|", GUIDE)
    }
    for dialect in DIALECTS:
        assert [path for path in dialect.paths if f"`{path.rstrip('/')}`" not in GUIDE] == []
        limits = tuple(limit_of(dialect, IngestLimits(), name) for name in ("max_body_bytes", "max_events"))
        assert limits == rows[dialect.name]
