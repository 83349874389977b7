"""Handlers: each call's effect stands once, and each of its follow-ups is told once."""

from collections.abc import Mapping
from typing import Any

from bot.simulator.settings import COMMUNITY
from tests.crash.judgement import Judgement, told, wrong
from tests.crash.stage import Stage

DEEDS = "deeds"
GIFTS = ("cake", "card")
ORDERS: Mapping[str, Any] = {"event": "order", "cancelled": {"$exists": False}}


async def followed_up(stage: Stage, handler: str) -> Judgement:
    """Each order was handled, and told of in as many gifts as it has."""
    shown, found, known = stage.shown(COMMUNITY), Judgement(), set()
    async for order in stage.database["events"].find(ORDERS):
        row = await stage.database[f"{handler}_queue"].find_one({"event": order["_id"]})
        state = row and row["state"]
        found += wrong([f"{order['_id']} is {state} for {handler}"] if state != "delivered" else [])
        gifts = [f"{order['distinct_id']}-{gift}" for gift in GIFTS]
        known |= {*gifts}
        for gift in gifts:
            found += told(gift, shown.count(gift))
    strange = [
        one["_id"] async for one in stage.database["events"].find({"event": "gift"}) if one["distinct_id"] not in known
    ]
    return found + wrong(f"{key} follows from nothing" for key in strange)


async def done_once(stage: Stage) -> Judgement:
    """Each order's effect is there once."""
    found = Judgement()
    async for order in stage.database["events"].find(ORDERS):
        times = await stage.database[DEEDS].count_documents({"event": order["_id"]})
        found += told(f"the deed of {order['_id']}", times)
    return found
