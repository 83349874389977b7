"""Several watchers and bots at once, and the ways in which systems before this one told a fact twice."""

import random

import anyio
import pytest

from telemetry.core.delivery import State
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from tests.e2e.conftest import OpenWorld
from tests.e2e.world import World, submit
from tests.until import until

CHANNELS = {700000000000000000 + n: f"channel{n}" for n in range(4)}
ROUTES = "\n".join(
    f"""[types.t{n}]
key = ["distinct_id"]
[[discord.routes]]
events = ["t{n}"]
channel = "channel{n}"
title = "{{{{ key | raw }}}}"
"""
    for n in range(4)
)


async def each_once_and_in_order(open_world: OpenWorld, events: int) -> None:
    from bot.simulator.settings import COMMUNITY  # noqa: PLC0415

    async with open_world(channels={COMMUNITY: "community"} | CHANNELS) as world:
        world.write_config(ROUTES)
        for verb in ("watch", "watch", "bot", "bot"):
            world.start(verb)
        url = await (await world.start("ingest").ready()).url()
        sent = [{"event": f"t{n % 4}", "distinct_id": f"u{n:05}"} for n in range(events)]
        for start in range(0, events, 100):
            status, answer = await submit(url, sent[start : start + 100])
            assert (202, 100) == (status, answer["accepted"])
        keys = [f"t{n % 4}:u{n:05}" for n in range(events)]
        await world.until_settled(keys, seconds=240)
        for n, channel in enumerate(CHANNELS):
            assert keys[n::4] == world.shown(channel)
            assert 1 == world.discord.traffic.stats()["max_in_flight"][str(channel)]


async def test_two_watchers_and_two_bots_show_each_event_once_and_in_order(open_world: OpenWorld) -> None:
    await each_once_and_in_order(open_world, 200)


@pytest.mark.slow
async def test_two_watchers_and_two_bots_show_each_of_two_thousand_events_once_and_in_order(
    open_world: OpenWorld,
) -> None:
    await each_once_and_in_order(open_world, 2000)


async def test_many_subjects_reported_at_once_and_repeatedly_are_each_told_once(world: World) -> None:
    """
    In parallel, again, and within milliseconds of each other.
    """
    for verb in ("watch", "bot"):
        world.start(verb)
    urls = [await (await world.start("ingest").ready()).url() for _ in range(2)]
    subjects = [f"u{n}" for n in range(20)]
    reports = subjects * 3
    random.Random(7).shuffle(reports)
    statuses: list[str] = []

    async def report(number: int, subject: str) -> None:
        _, answer = await submit(urls[number % 2], {"event": "sign_up", "distinct_id": subject})
        statuses.append(answer["results"][0]["status"])

    async with anyio.create_task_group() as group:
        for number, subject in enumerate(reports):
            group.start_soon(report, number, subject)
    assert (20, 40) == (statuses.count("accepted"), statuses.count("duplicate"))
    await world.until_settled([f"sign_up:{subject}" for subject in subjects])
    assert sorted(f"sign_up:{subject}" for subject in subjects) == sorted(world.shown())


async def test_a_restart_with_work_in_every_stage_tells_each_fact_once(world: World, connection: Connection) -> None:
    """
    Owed, offered and waiting, and already told; fresh processes find the old rows.
    """
    watcher, bot = world.start("watch"), world.start("bot")
    await world.store(["sign_up:told"])
    await world.until_settled(["sign_up:told"])
    bot.kill()
    await world.store(["sign_up:offered"])
    await until(lambda: waits(connection, "sign_up:offered"))
    watcher.kill()
    await world.store(["sign_up:owed"])

    for verb in ("watch", "bot"):
        world.start(verb)
    keys = ["sign_up:told", "sign_up:offered", "sign_up:owed"]
    await world.until_settled(keys)
    assert keys == world.shown()


@pytest.mark.slow
async def test_an_offer_that_is_repeated_says_so_in_one_line_with_the_id_that_was_there(
    world: World, connection: Connection
) -> None:
    """
    The batch is offered again after trouble, the drained item is skipped and named.
    """
    caught = world.start("watch", "offered")
    bot = world.start("bot")
    await world.store(["sign_up:u1"])
    await caught.caught()
    await world.until_shown(["sign_up:u1"])
    await until(lambda: is_delivered(connection, "sign_up:u1"))
    caught.kill()

    watcher = world.start("watch")
    await world.until_settled(["sign_up:u1"])
    (line,) = watcher.said("offer.skipped")
    assert "sign_up:u1|discord:112233445566778899" == line["delivery"]
    assert ["sign_up:u1"] == world.shown()
    assert 0 == bot.stop()


@pytest.mark.slow
async def test_the_database_is_killed_under_everything_and_each_fact_is_told_once(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """
    With the server itself: acknowledged events survive it, and nothing is told twice.
    """
    from bot.simulator.settings import SimulatorSettings  # noqa: PLC0415
    from bot.simulator.simulator import Simulator  # noqa: PLC0415
    from telemetry.cli.embedded import start_embedded_server  # noqa: PLC0415
    from telemetry.store.client import connect  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("killed")
    with start_embedded_server(folder / "db") as server:
        async with connect(server.uri, "t") as connection, Simulator(SimulatorSettings(limits=False)) as discord:
            world = World(connection, server.uri, "t", discord, folder)
            try:
                for verb in ("watch", "bot"):
                    await world.start(verb).ready()
                url = await (await world.start("ingest").ready()).url()
                keys = []
                for round_ in range(3):
                    body = [{"event": "sign_up", "distinct_id": f"u{round_}-{n}"} for n in range(20)]
                    keys += [f"sign_up:{event['distinct_id']}" for event in body]
                    _, answer = await submit(url, body)
                    assert 20 == answer["accepted"]
                    server.kill()
                    server.restart()
                    await until(lambda: submits(url))
                await world.until_settled([*keys, "sign_up:probe"], seconds=60)
                assert sorted({*keys, "sign_up:probe"}) == sorted(world.shown())
            finally:
                world.end()


async def submits(url: str) -> bool:
    status, _ = await submit(url, {"event": "sign_up", "distinct_id": "probe"})
    return status == 202


async def waits(connection: Connection, key: str) -> bool:
    event = await Events(connection).get(key)
    return bool(event and event.due_at is None and await Deliveries(connection, "discord").of_event(key))


async def is_delivered(connection: Connection, key: str) -> bool:
    return [State.DELIVERED] == [row.state for row in await Deliveries(connection, "discord").of_event(key)]
