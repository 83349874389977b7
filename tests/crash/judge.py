"""What came of a run, seen from outside: what Discord shows, what the rows say, and what `verify` proves."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

from tests.crash.file import CHANNELS, Outlet
from tests.crash.judgement import Judgement, wrong
from tests.crash.scenario import Fact, Scenario
from tests.crash.stage import Stage


async def judge(stage: Stage, scenario: Scenario) -> Judgement:
    """Judge a world that has come to rest."""
    found = wrong([*await _misfired(stage), *await stage.breaches()])
    for verdict in scenario.verdicts or [partial(_facts, scenario)]:
        found += await verdict(stage)
    return found


async def _facts(scenario: Scenario, stage: Stage) -> Judgement:
    """Each fact is told once where it is to be told, or its row says why not."""
    shown = _shown(stage, scenario)
    told = Counter(key for keys in shown.values() for key in keys)
    cancelled = {row["_id"] async for row in stage.database["events"].find({"cancelled": {"$exists": True}})}
    expected = [fact for fact in scenario.expected if fact.key not in cancelled]
    wanted = [fact for fact in expected if fact.key not in scenario.ends]
    other = []
    for channel, keys in shown.items():
        if scenario.in_order and keys != sorted(keys):
            other.append(f"out of order in {channel}: {keys}")
    if scenario.outlet is Outlet.WEBHOOK:
        other += wrongly_signed(stage)
    other += [f"told although it ends {scenario.ends[key]}: {key}" for key in scenario.ends if told[key]]
    other += [f"told although it is cancelled: {key}" for key in cancelled if told[key]]
    other += await _astray(stage, scenario, expected)
    lost = [fact.key for fact in wanted if fact.key not in told]
    if scenario.neighbour:
        lost += [f"{fact.key} for the neighbour" for fact in wanted if not await _has_neighbour(stage, fact.key)]
    return Judgement(tuple(lost), tuple(key for key, times in told.items() if times > 1), tuple(other))


def _shown(stage: Stage, scenario: Scenario) -> dict[object, list[str]]:
    if scenario.outlet is Outlet.WEBHOOK:
        return {"the receiver": stage.receiver.taken}
    return {fact.channel: stage.shown(fact.channel) for fact in scenario.expected}


def wrongly_signed(stage: Stage) -> list[str]:
    """Say what the receiver has against what it heard: a repeat that it could not know for one, or a bad signature."""
    receiver = stage.receiver
    several = [key for key in receiver.tries if len(receiver.ids(key)) > 1]
    return [*(f"refused: {why}" for why in receiver.refused), *(f"told under several ids: {key}" for key in several)]


async def _misfired(stage: Stage) -> list[str]:
    """Say which facts were told in another spelling than the one that stands."""
    shown = {
        embed["title"]: embed.get("footer", {}).get("text", "")
        for channel in CHANNELS
        for message in stage.discord.messages(channel)
        for embed in message.embeds
    }
    return [
        f"{row['_id']} stands as {row['revision']}, fired {row['fired']}, told {shown.get(row['_id'])}"
        async for row in stage.database["events"].find({"fired": {"$exists": True}})
        if row["fired"] != row["revision"] or not shown.get(row["_id"], "").startswith(f"revision {row['revision']} ")
    ]


async def _astray(stage: Stage, scenario: Scenario, expected: Sequence[Fact]) -> list[str]:
    found = []
    for fact in expected:
        row = await stage.database[scenario.queue].find_one({"event": fact.key})
        state, wanted = row and row["state"], scenario.ends.get(fact.key, "delivered")
        if state != wanted:
            found.append(f"{fact.key} is {state}, not {wanted}")
    return found


async def _has_neighbour(stage: Stage, key: str) -> bool:
    return await stage.database["neighbour_queue"].count_documents({"event": key}) == 1
