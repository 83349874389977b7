"""What happens when a campaign closes: winners are drawn once, and each is told."""

from random import Random
from typing import Any

from consumers.handler import Context, Occasion, on

PLAYERS = ("ada", "barbara", "edsger", "grace", "katherine", "ken", "linus", "margaret")
PRIZES = 3


@on("campaign_closing", retries="1s,5s,1m", timeout="1m")
async def find_winners(event: Occasion, ctx: Context) -> dict[str, Any]:
    # The same campaign draws the same winners, whoever draws them and however often.
    winners = Random(event.key).sample(PLAYERS, PRIZES)  # noqa: S311 - a lottery among friends
    for winner in winners:
        ctx.emit("winner_found", subject=winner, properties={"campaign": event.distinct_id, "prize": "a book"})
    # Stands with the completion, or not at all.
    closed = {"$set": {"winners": winners}, "$inc": {"closed": 1}}
    await ctx.database["campaigns"].update_one({"_id": event.distinct_id}, closed, upsert=True, session=ctx.session)
    return {"winners": len(winners)}
