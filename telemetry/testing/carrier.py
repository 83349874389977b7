"""What every carrier promises. Inherit it, and give your carrier and what the outside has seen of it.

class TestJournalCarrier(CarrierContract):
    @asynccontextmanager
    async def open(self): ...
    def effects(self) -> list[str]: ...
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import anyio

from telemetry.core.carrier import Carrier, Closed, Errand, Terms
from telemetry.core.delivery import Delivery
from telemetry.core.errors import StaleError
from telemetry.core.outcome import Dead, Delivered, Outcome, Parked, Retry, Unknown

OUTCOMES = (Delivered, Retry, Dead, Parked, Unknown)


class CarrierContract:
    """The promises of `carry`, each a test. They hold for a carrier whose outside is well."""

    # Moments (seconds) at which a carrier is interrupted; those after its end interrupt nothing.
    moments: Sequence[float] = (0.0, 0.0005, 0.001, 0.002, 0.005, 0.02)

    def open(self) -> AbstractAsyncContextManager[Carrier]:
        """Open a carrier as a courier that starts does; what the last one did is still there."""
        raise NotImplementedError("give the carrier under test")

    def delivery(self) -> Delivery:
        """Make a delivery that the outside would take."""
        raise NotImplementedError("give a delivery for it")

    def effects(self) -> Sequence[str]:
        """List what the outside has seen: an entry for each effect, so that two of one delivery are two."""
        raise NotImplementedError("tell what the outside has seen")

    def test_a_delivery_has_one_effect(self) -> None:
        """It is carried, and the carrier says so."""
        self._run(self._carry)
        self._expect(1, "one delivery")

    def test_carried_again_it_still_has_one(self) -> None:
        """A courier that ended before it could settle is followed by one that carries again."""

        async def twice(carrier: Carrier) -> None:
            await self._carry(carrier)
            await self._carry(carrier)

        self._run(twice)
        self._expect(1, "a delivery that was carried twice by one carrier")

    def test_carried_again_after_a_restart_it_still_has_one(self) -> None:
        """What the first process knew is gone."""
        self._run(self._carry)
        self._run(self._carry)
        self._expect(1, "a delivery that was carried twice, with a restart between")

    def test_carried_by_two_at_once_it_has_one(self) -> None:
        """One that was stopped for a while wakes up beside its successor."""

        async def together() -> None:
            async with self.open() as one, self.open() as other, anyio.create_task_group() as group:
                group.start_soon(self._carry, one)
                group.start_soon(self._carry, other)

        anyio.run(together)
        self._expect(1, "a delivery that two carried at once")

    def test_interrupted_and_carried_again_it_has_one(self) -> None:
        """Whenever a process ends, the next one carries again."""

        async def interrupted(carrier: Carrier) -> None:
            for moment in self.moments:
                with anyio.move_on_after(moment):
                    await carrier.carry(_errand(self.delivery()))

        self._run(interrupted)
        self._run(self._carry)
        self._expect(1, "a delivery whose carrying was interrupted")

    def test_told_anew_it_has_another(self) -> None:
        """The next generation of a delivery is meant to be told once more."""

        async def replayed(carrier: Carrier) -> None:
            await self._carry(carrier)
            await self._carry(carrier, generation=1)

        self._run(replayed)
        self._expect(2, "a delivery and its next generation")

    def test_nothing_is_done_on_an_old_claim_by_one_who_looks(self) -> None:
        """Who asks `errand.fresh` and is told no raises StaleError and has done nothing."""
        asked: list[bool] = []

        def says_no() -> bool:
            asked.append(True)
            return False

        async def late(carrier: Carrier) -> None:
            try:
                await carrier.carry(Errand(self.delivery(), says_no))
            except StaleError:
                return
            assert not asked, "it was told that its claim is old, and went on"

        before = len(self.effects())
        self._run(late)
        assert not asked or len(self.effects()) == before, "it raised StaleError, and the outside has seen something"

    def test_its_terms_are_ones_that_a_courier_knows(self) -> None:
        """They are asked for before every few deliveries."""

        async def asked(carrier: Carrier) -> None:
            terms = await carrier.terms(self.delivery().destination)
            assert isinstance(terms, (Terms, Closed)), f"expected Terms or Closed, not {terms!r}"

        self._run(asked)

    def _run(self, what: Callable[[Carrier], Awaitable[None]]) -> None:
        async def opened() -> None:
            async with self.open() as carrier:
                await what(carrier)

        anyio.run(opened)

    async def _carry(self, carrier: Carrier, generation: int = 0) -> None:
        outcome: Outcome = await carrier.carry(_errand(replace(self.delivery(), generation=generation)))
        assert isinstance(outcome, OUTCOMES), f"expected an outcome, not {outcome!r}"
        assert isinstance(outcome, Delivered), f"the outside is well, and yet: {outcome!r}"

    def _expect(self, number: int, what: str) -> None:
        seen = self.effects()
        assert len(seen) == number, f"{what} should have {number} effects, not {len(seen)}: {seen}"


def _errand(delivery: Delivery) -> Errand:
    return Errand(delivery, lambda: True)
