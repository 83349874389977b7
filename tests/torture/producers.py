"""Producers that send facts in batches, repeat themselves, and send again until they are answered."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

from tests.crash.scenario import Fact
from tests.crash.submission import submit
from tests.torture.seat import Seat

MOST_IN_A_BATCH = 20
REPEATED = 0.2  # of what is sent has been sent before


class Producers:
    """A few clients, and what they were told."""

    def __init__(self, seats: Sequence[Seat], seed: int, rate: float) -> None:
        self._seats = seats
        self._seed = seed
        self._rate = rate
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
            await asyncio.gather(*(self._send(chance, batch) for _ in range(copies)))
            await asyncio.sleep(chance.expovariate(self._rate / len(batch)))

    def _batch(self, chance: Random, number: int, mine: list[Fact]) -> list[Fact]:
        batch = []
        for _ in range(chance.randint(1, MOST_IN_A_BATCH)):
            if mine and chance.random() < REPEATED:
                batch.append(chance.choice(mine))
                continue
            fact = Fact(chance.choice(("sign_up", "badge_awarded")), f"p{number}-{len(mine):06}")
            mine.append(fact)
            batch.append(fact)
        chance.shuffle(batch)
        return batch

    async def _send(self, chance: Random, batch: Sequence[Fact]) -> None:
        told, again = await submit(lambda: chance.choice(self._seats).daemon, [fact.body() for fact in batch])
        self.again += again
        self.told.update(result["status"] for result in told["results"])
        self.sent |= {fact.key: fact for fact in batch}
