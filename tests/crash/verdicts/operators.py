"""Replays: each fact is told once, and once more for each operation that its row counts."""

from collections import Counter

from tests.crash.file import Outlet
from tests.crash.judgement import Judgement, wrong
from tests.crash.stage import Stage


async def told_as_counted(stage: Stage, outlet: Outlet, channel: int = 0) -> Judgement:
    """Each delivery was told as often as its generation says, and no generation is without an operation."""
    operations = await stage.database["operations"].find().to_list(None)
    told = Counter(stage.receiver.taken if outlet is Outlet.WEBHOOK else stage.shown(channel))
    rows = await stage.database[f"{outlet}_queue"].find().to_list(None)
    lost, twice, other = list[str](), list[str](), list[str]()
    for row in rows:
        key, meant = row["event"], row["generation"] + 1
        lost += [key] * (told[key] < meant)
        twice += [key] * (told[key] > meant)
        if not 1 <= row["generation"] <= len(operations):
            other.append(f"{row['_id']} is of generation {row['generation']} after {len(operations)} operations")
        if row["state"] != "delivered":
            other.append(f"{row['_id']} is {row['state']}")
        if outlet is Outlet.WEBHOOK and len(stage.receiver.ids(key)) != meant:
            other.append(f"{key} was told under {len(stage.receiver.ids(key))} ids")
    other += [f"replay {one['_id']} is {one['state']}" for one in operations if one["state"] != "finished"]
    if sum(row["generation"] for row in rows) != sum(one["done"] for one in operations):
        other.append(f"the operations count {[one['done'] for one in operations]}")
    return Judgement(tuple(lost), tuple(twice)) + wrong(other)
