"""How long an event takes from the producer to Discord."""

import json
import time
from statistics import quantiles
from typing import Any

import aiohttp
import anyio

from tests.bench.bed import CHANNELS, Bed, make_bed
from tests.bench.load import Producer, key_of, submissions
from tests.bench.plan import Plan
from tests.bench.report import Figure, Say, Section

RATES = (10, 100)


async def measure(uri: str, plan: Plan, say: Say) -> Section:
    """Send steadily at each rate; answer with the median and the worst hundredth."""
    figures, events = list[Figure](), dict[str, int]()
    async with make_bed(uri) as bed, aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        daemons = [bed.start(verb) for verb in ("ingest", "watch", "bot")]
        for daemon in daemons:
            await daemon.ready()
        producer = Producer(session, await daemons[0].url())
        await _send(bed, producer, CHANNELS, CHANNELS)
        for rate in RATES:
            say(f"{rate} events/s")
            number = round(rate * plan.latency_seconds)
            events[f"{rate} events/s"] = number
            taken = quantiles(await _send(bed, producer, number, rate), n=100, method="inclusive")
            for percent in (50, 99):
                figures.append(
                    Figure(f"ingest → Discord at {rate} events/s, p{percent}", 1000 * taken[percent - 1], "ms")
                )
    return Section(figures, events)


async def _send(bed: Bed, producer: Producer, number: int, rate: float) -> list[float]:
    """Send at a rate, whatever the answers do; answer with each event's seconds from when it was due to be sent."""
    events = submissions(number)
    began, expected = time.perf_counter(), len(bed.seen) + number
    due = {key_of(event): began + place / rate for place, event in enumerate(events)}
    async with anyio.create_task_group() as group:
        for event in events:
            group.start_soon(_send_at, producer, event, due[key_of(event)])
    await bed.until_delivered(expected)
    return [bed.seen[key] - at for key, at in due.items()]


async def _send_at(producer: Producer, event: dict[str, Any], at: float) -> None:
    await anyio.sleep(max(0.0, at - time.perf_counter()))
    await producer.send(json.dumps(event).encode())
