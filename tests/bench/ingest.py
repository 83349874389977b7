"""Ingest over HTTP beside the database's own speed."""

from telemetry.store.client import Connection
from telemetry.store.commands import chunks
from telemetry.store.indexes import declared, reconcile
from tests.bench.bed import empty_database, make_bed
from tests.bench.load import rows, seconds_for, send_all
from tests.bench.plan import Plan
from tests.bench.report import Figure, Say, Section

GOAL = 0.6


async def measure(uri: str, plan: Plan, say: Say) -> Section:
    """Send the same documents both ways in turn, and compare."""
    shapes = [(1, 1, plan.single), (32, 1, plan.single_many), (1, 100, plan.batches), (32, 100, plan.batches_many)]
    figures, events = list[Figure](), dict[str, int]()
    async with make_bed(uri) as bed, empty_database(uri) as raw:
        # Beside the same indexes: what is compared is the way in, not what is stored.
        await reconcile(raw, declared([]))
        url = await (await bed.start("ingest").ready()).url()
        await send_all(url, 100)
        for clients, batch, number in shapes:
            name = f"{'one event' if batch == 1 else f'batches of {batch}'}, {clients} client{'s'[: clients > 1]}"
            say(name)
            events[name] = number * plan.rounds
            figures += await _compare(url, raw, name, (clients, batch, number), plan.rounds)
        stored = await bed.connection["events"].count_documents({})
        assert stored == sum(events.values()) + 100, stored
    return Section(figures, events)


async def _compare(url: str, raw: Connection, name: str, shape: tuple[int, int, int], rounds: int) -> list[Figure]:
    clients, batch, number = shape
    http = direct = 0.0
    for turn in range(2 * rounds):
        # a b b a …: whoever goes second finds the machine warmer, or the store fuller.
        if turn % 4 in {0, 3}:
            http += await send_all(url, number, clients, batch)
        else:
            direct += await _insert(raw, number, clients, batch)
    goal = GOAL if batch > 1 else None
    return [
        Figure(f"ingest, {name}", rounds * number / http, "events/s"),
        Figure(f"raw insert_many, {name}", rounds * number / direct, "events/s"),
        Figure(f"ratio, {name}", direct / http, at_least=goal),
    ]


async def _insert(raw: Connection, number: int, clients: int, batch: int) -> float:
    async def insert(some: list[dict[str, object]]) -> None:
        await raw["events"].insert_many(some, ordered=False)

    return await seconds_for([list(some) for some in chunks(rows(number), batch)], clients, insert)
