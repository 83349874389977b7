"""Audiences to tell."""

from collections.abc import Sequence

from telemetry.store.client import Connection
from telemetry.store.commands import chunks
from telemetry.store.drafts import Drafts

PAGE = 500


async def an_audience(connection: Connection, name: str, members: Sequence[str], includes: Sequence[str] = ()) -> None:
    """Publish an audience, or a new version of it."""
    drafts = Drafts(connection)
    draft = await drafts.begin(name)
    for some in chunks(sorted(members), PAGE):
        await drafts.add(draft, some)
    assert await drafts.publish(draft, len(members), includes)
