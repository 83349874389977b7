"""docs/handlers.md: its example runs as it stands."""

import re
import sys
from pathlib import Path

import pytest

from consumers.handler.carrier import HandlerCarrier
from consumers.handler.collection import collect
from consumers.handler.registration import OPTIONS, RETRIES
from telemetry.core.delivery import State
from telemetry.runtime.settings import Settings
from tests.consumers.handler.conftest import NAME, Workshop

HOME = Path(__file__).parents[3]
GUIDE = (HOME / "docs" / "handlers.md").read_text()


async def test_the_guides_example_runs(workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    (tmp_path / "guided_campaign.py").write_text(example)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    other, handler = collect(Settings(handlers=("guided_campaign",)))
    assert (NAME, "congratulate") == (handler.name, other.name)

    rows = workshop.connection.database["campaigns"]
    await rows.insert_one({"_id": "c1", "players": ["ann", "bob", "cid", "dan"]})
    await workshop.offer(handler, "campaign_closing:c1", "campaign_closing:c2")
    async with workshop.courier(handler):
        await workshop.until_all(State.DELIVERED, "campaign_closing:c1")
        await workshop.until_all(State.DEAD, "campaign_closing:c2")
        await workshop.until_told()
    assert ["ann", "bob", "cid"] == [event.distinct_id for event in await workshop.emitted()]
    assert await rows.find_one({"_id": "c1", "state": "closed"})
    assert 4 == ((await workshop.row("campaign_closing:c1")).result or {})["players"]
    terms = await HandlerCarrier(handler, workshop.connection).terms(handler.destination)
    assert 120 == terms.timeout
    sys.modules.pop("guided_campaign")


def test_the_guide_names_every_option() -> None:
    table = re.findall(r"^\| `(\w+)` \|", GUIDE, re.MULTILINE)
    assert list(OPTIONS) == table
    assert f'`"{RETRIES}"`' in GUIDE


def test_the_guide_names_every_collection_that_is_not_the_users_own() -> None:
    code = "".join(path.read_text() for path in (HOME / "telemetry" / "store").glob("*.py"))
    ours = {name for pair in re.findall(r'connection\["(\w+)"\]|COLLECTION = "(\w+)"', code) for name in pair if name}
    assert {"events", "runs"} <= ours
    assert [] == [name for name in sorted(ours) if f"`{name}`" not in GUIDE]
