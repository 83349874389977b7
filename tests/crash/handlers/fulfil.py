"""A handler whose effect stands with its completion, and that has follow-ups told."""

from typing import Any

from consumers.handler import on

GIFTS = ("cake", "card")


@on("order", retries="0.2s,0.2s,0.2s,0.2s,0.2s,0.2s,0.2s,0.2s")
async def fulfil(event: Any, ctx: Any) -> None:
    """Note a deed, and have both gifts told."""
    await ctx.database["deeds"].insert_one({"event": event.key}, session=ctx.session)
    for gift in GIFTS:
        ctx.emit("gift", subject=f"{event.distinct_id}-{gift}")
