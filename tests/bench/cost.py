"""What an event costs the database: documents written and commands sent, the same on every server."""

import anyio
import anyio.to_thread

from tests.bench.bed import Bed, make_bed
from tests.bench.counts import Window, counts_of
from tests.bench.load import send_all
from tests.bench.plan import Plan
from tests.bench.report import Figure, Say, Section
from tests.bench.tally import Counts, answered, together, total

WRITES_ALONE, WRITES, COMMANDS, IDLE_COMMANDS = 5, 4.3, 0.35, 2
BACKLOG_CHANNELS = (1, 20)
VERBS = ("ingest", "watch", "bot")


async def measure(uri: str, plan: Plan, say: Say) -> Section:
    """Count every situation in a database of its own."""
    counts = dict[str, Counts]()
    say(f"{plan.alone} events, one after the other")
    async with make_bed(uri) as bed:
        counts["alone"] = await count_alone(bed, plan.alone)
    for channels in BACKLOG_CHANNELS:
        say(f"a backlog of {plan.cost_backlog:,} for {channels} channels")
        async with make_bed(uri, channels) as bed:
            counts[_backlog(channels)] = await count_backlog(bed, plan.cost_backlog)
    say(f"idle for {plan.idle_seconds:g} s")
    async with make_bed(uri) as bed:
        counts["idle"] = await count_idle(bed, plan.idle_seconds)
    return Section(_figures(counts, plan), {"alone": plan.alone, "backlog": plan.cost_backlog}, counts)


def _backlog(channels: int) -> str:
    return f"backlog, {channels} channel{'s'[: channels > 1]}"


def _figures(counts: dict[str, Counts], plan: Plan) -> list[Figure]:
    figures = _of_events("alone", counts["alone"], plan.alone, WRITES_ALONE, None)
    for channels in BACKLOG_CHANNELS:
        name = _backlog(channels)
        figures += _of_events(name, counts[name], plan.cost_backlog, WRITES, COMMANDS)
    a_second = total(counts["idle"], "commands") / plan.idle_seconds
    return [*figures, Figure("commands a second, idle", a_second, at_most=IDLE_COMMANDS)]


def _of_events(name: str, counts: Counts, number: int, writes: float, commands: float | None) -> list[Figure]:
    return [
        Figure(f"document writes an event, {name}", total(counts, "documents") / number, at_most=writes),
        Figure(f"commands an event, {name}", total(counts, "commands") / number, at_most=commands),
        Figure(f"… without empty stream answers, {name}", answered(counts) / number),
    ]


async def count_alone(bed: Bed, number: int) -> Counts:
    """Count while events are posted, each when the one before it is delivered."""
    daemons = [bed.start_counted(verb) for verb in VERBS]
    for counted in daemons:
        await counted.daemon.ready()
    url = await daemons[0].daemon.url()
    # The first event of a type leaves the type's policy in the database, once for ever.
    await _send_one(bed, url)
    window = await Window.open(daemons)
    for _ in range(number):
        await _send_one(bed, url)
    return await window.close()


async def _send_one(bed: Bed, url: str) -> None:
    expected = len(bed.seen) + 1
    await send_all(url, 1, batch=1, types=bed.types[:1])
    await bed.until_delivered(expected)


async def count_backlog(bed: Bed, number: int) -> Counts:
    """Count from the first request until all is delivered, watcher and bot being started in between."""
    ingest = bed.start_counted("ingest")
    url = await (await ingest.daemon.ready()).url()
    await _use_each_type_once(bed, url)
    window = await Window.open([ingest])
    await send_all(url, number, types=bed.types)
    stored = await window.close()
    others = [bed.start_counted(verb) for verb in VERBS[1:]]
    await bed.until_delivered(len(bed.types) + number)
    return together([stored, await counts_of(others)])


async def _use_each_type_once(bed: Bed, url: str) -> None:
    # The first event of a type registers its policy, the first in a channel makes its row: once for ever.
    others = [bed.start_counted(verb) for verb in VERBS[1:]]
    await send_all(url, len(bed.types), types=bed.types)
    await bed.until_delivered(len(bed.types))
    for counted in others:
        await anyio.to_thread.run_sync(counted.daemon.stop)


async def count_idle(bed: Bed, seconds: float) -> Counts:
    """Count while nothing happens."""
    daemons = [bed.start_counted(verb) for verb in (*VERBS, "courier")]
    for counted in daemons:
        await counted.daemon.ready()
    # What a boot leaves to do is over by then.
    await anyio.sleep(1)
    window = await Window.open(daemons)
    await anyio.sleep(seconds)
    return await window.close()


async def count_boot(bed: Bed) -> Counts:
    """Count what a watcher and a bot ask until they are ready, with nothing to do."""
    daemons = [bed.start_counted(verb) for verb in VERBS[1:]]
    for counted in daemons:
        await counted.daemon.ready()
    return await counts_of(daemons)
