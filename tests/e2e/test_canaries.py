"""`tellonce canary`: the whole way of a type's facts, to a channel that is for tests."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bot.simulator.settings import COMMUNITY
from telemetry.core.canary import CANARY
from telemetry.ops.verify import verify
from telemetry.store.events import Events
from tests.e2e.conftest import OpenWorld
from tests.e2e.world import World
from tests.facts import an_event

TESTS = 112233445566778900
CHANNELS = {COMMUNITY: "community", TESTS: "tests"}
FILE = """
[canary]
to = "tests"
[[discord.routes]]
events = ["badge_awarded"]
channel = "community"
title = "badge {{ properties.badge }}"
[[discord.routes]]
events = ["release_published"]
channel = "community"
title = "release"
"""


async def sent(world: World, *words: str) -> tuple[int, Mapping[str, Any]]:
    code, text = await world.typed("canary", "--json", *words)
    assert text.startswith("{"), text
    return code, json.loads(text)


@pytest.mark.slow
async def test_a_canary_arrives_at_the_test_channel_by_its_types_own_template(open_world: OpenWorld) -> None:
    async with open_world(channels=CHANNELS) as world:
        world.write_config(FILE)
        ingest = world.start_plainly("ingest")
        world.start_plainly("watch")
        world.start("bot")
        where = ("--url", await ingest.url())
        code, answer = await sent(world, "sign_up", "badge_awarded", *where)

        assert 0 == code, answer
        assert {"sign_up": True, "badge_awarded": True} == {one["type"]: one["arrived"] for one in answer["canaries"]}
        assert all(one["key"].startswith(f"{CANARY}:{one['type']}:canary-") for one in answer["canaries"])
        titles = sorted(world.shown(TESTS))
        assert ["badge canary-", "tellonce.cana"] == [title[:13] for title in titles]
        assert [] == world.shown(COMMUNITY)
        assert (await verify(world.connection)).holds
        assert 0 == await world.connection["canaries"].count_documents({})


@pytest.mark.slow
async def test_where_a_canary_is_stuck_is_told(open_world: OpenWorld) -> None:
    async with open_world(channels=CHANNELS) as world:
        world.write_config(FILE)
        ingest = world.start_plainly("ingest")
        where = ("--url", await ingest.url(), "--wait", "1s")
        code, answer = await sent(world, "sign_up", *where)
        assert (1, "watcher") == (code, answer["canaries"][0]["stage"])
        assert "no watcher has run it" in answer["canaries"][0]["said"]

        code, text = await world.typed("canary", "sign_up", "--to", "community", *where)
        assert 2 == code
        assert "facts of type 'sign_up' are told there" in text


async def test_unless_told_otherwise_the_types_are_those_that_are_told_and_were_quiet(world: World) -> None:
    """
    There is no ingest: what would have been sent is what is stuck there.
    """
    world.write_config(FILE.replace('to = "tests"', f'to = "discord:{TESTS}"'))
    now = world.connection.clock.now()
    await Events(world.connection).insert([an_event("sign_up:u1", due_at=now), an_event("badge_awarded:old:gold")])
    code, answer = await sent(world, "--url", "http://127.0.0.1:1", "--wait", "1s")
    assert (1, ["badge_awarded", "release_published"]) == (code, sorted(one["type"] for one in answer["canaries"]))
    assert {"ingest"} == {one["stage"] for one in answer["canaries"]}
