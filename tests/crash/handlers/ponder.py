"""A handler that takes longer than a claim lasts."""

from typing import Any

import anyio

from consumers.handler import on

GIFTS = ("cake", "card")
LONGER = 1.6


@on("order", timeout="20s", retries="0.2s,0.2s,0.2s,0.2s,0.2s,0.2s,0.2s,0.2s")
async def ponder(event: Any, ctx: Any) -> None:
    """Have both gifts told, after a while."""
    await anyio.sleep(LONGER)
    for gift in GIFTS:
        ctx.emit("gift", subject=f"{event.distinct_id}-{gift}")
