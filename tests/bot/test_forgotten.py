"""What a bot had read of a person who is forgotten meanwhile."""

from typing import Any

import anyio
import pytest

from telemetry.core.delivery import State
from telemetry.ops.forget import forget
from telemetry.ops.forgetting import Forgotten
from telemetry.ops.runs import Operator
from telemetry.store.events import Events
from tests.bot.conftest import Bench
from tests.facts import an_event


async def test_what_was_read_ahead_is_not_posted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = ["t:first", "t:ada", "t:last"]
    await Events(bench.connection).insert([an_event(key) for key in keys])
    await bench.offer(*keys)
    done = list[Forgotten]()

    async with bench.bot(digest_max=1) as desk:
        post = desk.poster.post

        async def and_one_is_forgotten(*args: Any) -> Any:
            if not done:
                done.append(await forget(bench.connection, "ada", Operator("bob"), sleep=at_once))
            return await post(*args)

        monkeypatch.setattr(desk.poster, "post", and_one_is_forgotten)
        await bench.until_all(State.DELIVERED, "t:first", "t:last")

    assert [Forgotten(1, [])] == done
    assert ["t:first", "t:last"] == bench.shown()


async def at_once(_: float) -> None:
    """Wait for nobody."""
    await anyio.lowlevel.checkpoint()
