"""Handlers at the command line: `check`, `consumers` and `courier` know them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import anyio.to_thread
import pytest

from telemetry.store.client import Connection
from tests.cli.terminal import Said, tellonce

SHOP = """
from consumers.handler import on

@on(["campaign_closing", "campaign_reopened"])
async def find_winners(event, ctx):
    pass
"""
Environ = dict[str, str]


@pytest.fixture
def shop(bare: Path, environ: Environ, monkeypatch: pytest.MonkeyPatch) -> Iterator[Environ]:
    """A module of handlers beside the file."""
    (bare / "tidy_shop.py").write_text(SHOP)
    monkeypatch.setattr(sys, "path", sys.path[:])
    yield environ | {"TELLONCE_HANDLERS": "tidy_shop"}
    sys.modules.pop("tidy_shop", None)


async def typed(words: str, environ: Environ) -> Said:
    # In a thread: a verb runs a loop of its own.
    return await anyio.to_thread.run_sync(lambda: tellonce(*words.split(), **environ))


async def test_check_and_consumers_name_them(connection: Connection, shop: Environ) -> None:
    said = await typed("check", shop)
    assert "handler find_winners (tidy_shop:find_winners) is called for campaign_closing, campaign_reopened" in said.out
    assert "find_winners is installed; it is registered when a watcher starts" in (await typed("consumers", shop)).out


async def test_a_courier_of_a_name_that_no_handler_has_is_one_line(connection: Connection, shop: Environ) -> None:
    said = await typed("courier find_winers", shop)
    assert 2 == said.code
    assert "no courier 'find_winers' is installed; expected find_winners, webhook" in said.err


async def test_a_module_that_cannot_be_imported_is_one_line(connection: Connection, environ: Environ) -> None:
    for words in ("check", "consumers", "courier webhook", "watch"):
        said = await typed(words, environ | {"TELLONCE_HANDLERS": "nowhere_at_all"})
        assert (2, 1) == (said.code, len(said.err.splitlines()))
        assert "TELLONCE_HANDLERS: nowhere_at_all cannot be imported" in said.err
