"""Producers that send facts in batches, repeat themselves, and send again until they are answered."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any

from tests.crash.scenario import Fact
from tests.crash.submission import submit
from tests.torture.seat import Seat

MOST_IN_A_BATCH = 20
KINDS = {"sign_up": 46, "badge_awarded": 46, "order": 7, "news": 1}  # and how many of a hundred facts are of it
REPEATED = 0.2  # of what is sent has been sent before
DEFERRED = 0.2  # of the facts are to be told within seconds, not at once
LATEST = 4.0
REVISED = 0.7  # of the repeats of such a fact
TAKEN_BACK = 0.1  # of the batches have one of theirs taken back


class Producers:
    """A few clients, and what they were told."""

    def __init__(
        self, seats: Sequence[Seat], seed: int, rate: float, take_back: Callable[[str], Awaitable[object]]
    ) -> None:
        self._seats = seats
        self._seed = seed
        self._rate = rate
        self._take_back = take_back
        self.sent: dict[str, Fact] = {}
        self.told: Counter[str] = Counter()
        self.again = 0

    async def run(self, number: int, goes_on: Callable[[], bool]) -> None:
        """Send as one of several clients for as long as told; return when the last batch is answered."""
        chance = Random(self._seed * 1000 + number)
        mine: list[Fact] = []
        while goes_on():
            batch = self._batch(chance, number, mine)
            copies = 2 if chance.random() < REPEATED / 4 else 1
            bodies = [_body(fact, chance) for fact in batch]
            await asyncio.gather(*(self._send(chance, batch, bodies) for _ in range(copies)))
            deferred = [fact.key for fact in batch if fact.deferred]
            if deferred and chance.random() < TAKEN_BACK:
                await self._take_back(deferred[0])
            await asyncio.sleep(chance.expovariate(self._rate / len(batch)))

    def _batch(self, chance: Random, number: int, mine: list[Fact]) -> list[Fact]:
        batch = []
        for _ in range(chance.randint(1, MOST_IN_A_BATCH)):
            if mine and chance.random() < REPEATED:
                batch.append(chance.choice(mine))
                continue
            (kind,), deferred = chance.choices([*KINDS], [*KINDS.values()]), chance.random() < DEFERRED
            fact = Fact(kind, f"p{number}-{len(mine):06}", deferred)
            mine.append(fact)
            batch.append(fact)
        chance.shuffle(batch)
        return batch

    async def _send(self, chance: Random, batch: Sequence[Fact], bodies: Sequence[Any]) -> None:
        told, again = await submit(lambda: chance.choice(self._seats).daemon, bodies)
        self.again += again
        self.told.update(result["status"] for result in told["results"])
        self.sent |= {fact.key: fact for fact in batch}


def _body(fact: Fact, chance: Random) -> Any:
    if not fact.deferred:
        return fact.body()
    at = time.time() + chance.uniform(0, LATEST)
    revision = chance.randint(1, 9) if chance.random() < REVISED else 0
    return fact.body(deliver_at=at, revision=revision)
