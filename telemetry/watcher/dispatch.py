"""From events to acks: plan, offer, ack, each consumer on its own."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Protocol

from telemetry.core.canary import CANARY, plan_canary
from telemetry.core.clock import Clock
from telemetry.core.delivery import Delivery
from telemetry.core.errors import TellonceError, UnavailableError
from telemetry.core.event import Event
from telemetry.core.fan_out import FanOut
from telemetry.core.step import Said, Step
from telemetry.runtime.logs import get_logger
from telemetry.runtime.tracing import tracing
from telemetry.watcher.fan_out import FanOuts
from telemetry.watcher.metrics import WatchMetrics
from telemetry.watcher.offering import Handed
from telemetry.watcher.party import FAILING, Party, Standing

log = get_logger(__name__)


class EventRows(Protocol):
    """Where events note who has taken them over."""

    async def ack(
        self, acks: Mapping[str, Mapping[str, int]], registered: Collection[str], fired: Mapping[str, int]
    ) -> None:
        """Note acks, and settle what every registered consumer has acked."""


class DeferredRows(Protocol):
    """Events that may be revised or cancelled until they fire."""

    async def fire(self, events: Sequence[Event]) -> Collection[str]:
        """End that time; answer with the keys whose revision is told."""


class ConsumerRows(Protocol):
    """Who is owed events."""

    async def read(self) -> Mapping[str, "Owed"]:
        """Read who is registered now."""


class Owed(Protocol):
    """A registered consumer."""

    @property
    def paused(self) -> bool:
        """Whether it wants no offers for now."""


class Dispatcher:
    """Offers events to the consumers that have not acked them, and records their acks."""

    def __init__(
        self,
        parties: Sequence[Party],
        events: EventRows,
        deferred: DeferredRows,
        registry: ConsumerRows,
        clock: Clock,
        chance: Random,
        metrics: WatchMetrics,
        fan_outs: FanOuts | None = None,
    ) -> None:
        self.parties = parties
        self._events = events
        self._deferred = deferred
        self._registry = registry
        self._clock = clock
        self._chance = chance
        self._metrics = metrics
        self._fan_outs = fan_outs
        # By consumer, since when something is due of what was handed over last and is not acked yet.
        self.handed_over: dict[str, datetime] = {}
        self.paused: Collection[str] = ()  # when last looked at: they were offered nothing

    async def begin_sweep(self) -> list[Party]:
        """List the parties that can be served now: registered, not paused, not backing off."""
        served = self._serving(await self._registry.read())
        for party in served:
            if party.standing is Standing.BEHIND:
                party.standing = Standing.CATCHING_UP
        return served

    def end_sweep(self) -> list[Party]:
        """List the parties that were behind and could be served all that the sweep found: now hints serve them too."""
        caught_up = [party for party in self.parties if party.standing is Standing.CATCHING_UP]
        for party in caught_up:
            party.standing = Standing.ABREAST
            self._recovered(party)
        return caught_up

    def resting(self) -> list[Party]:
        """List the parties that back off now or have yet to show that they recovered."""
        return [party for party in self.parties if party.failures]

    async def dispatch(self, events: Sequence[Event], *, hinted: bool = False) -> list[Event]:
        """Offer events where they are owed and due; give back those that are owed later.

        What was only hinted at is offered to nobody who has yet to catch up. Raises UnavailableError when nothing
        could be recorded.
        """
        self.handed_over.clear()
        if not events:
            return []
        # Read after the events were: a consumer registered before any of them was stored is in it.
        registered = await self._registry.read()
        now = self._clock.now()
        due = sorted((event for event in events if event.is_due(now)), key=lambda event: event.order)
        serving = [party for party in self._serving(registered) if party.takes(hinted=hinted)]
        told = await self._fire(due) if serving else []
        acks: dict[str, dict[str, int]] = defaultdict(dict)
        for party in serving:
            for key, deliveries in (await self._offer(party, told)).items():
                acks[key][party.name] = deliveries
        if acks:
            fired = {event.key: event.fired for event in told if event.fired is not None}
            await self._events.ack(acks, list(registered), fired)
            self._count(acks)
            self._trace(told, acks, now)
        return [event for event in events if event.due_at is not None and not event.is_due(now)]

    async def _fire(self, due: Sequence[Event]) -> list[Event]:
        """Leave out what was cancelled or put off since it was read; the rest can be neither from here on."""
        unfired = [event for event in due if event.must_fire]
        told = await self._deferred.fire(unfired) if unfired else ()
        return [
            replace(event, fired=event.revision) if event.must_fire else event
            for event in due
            if not event.must_fire or event.key in told
        ]

    def _serving(self, registered: Mapping[str, Owed]) -> list[Party]:
        now = self._clock.monotonic()
        self.paused = {party.name for party in self.parties if self._is_paused(party, registered)}
        if self._fan_outs is not None:
            self._fan_outs.halt(self.paused)
        wanted = [party for party in self.parties if party.name in registered and party.name not in self.paused]
        served = [party for party in wanted if party.rests_until <= now]
        for party in self.parties:
            if party not in served:
                party.standing = Standing.BEHIND
            if party not in wanted:
                # Nobody waits for it to recover: who registers it or ends its pause is seen by the next sweep.
                self._well(party)
        return served

    @staticmethod
    def _is_paused(party: Party, registered: Mapping[str, Owed]) -> bool:
        return party.name in registered and registered[party.name].paused

    async def _offer(self, party: Party, events: Sequence[Event]) -> dict[str, int]:
        try:
            await self._refresh(party)
            plans = {event.key: plan for event in events if (plan := self._own_plan(party, event)) is not None}
            taken = await self._offer_plans(party, plans)
        except UnavailableError as error:
            self._rest(party, str(error))
            return {}
        self._recovered(party)
        return taken

    async def _refresh(self, party: Party) -> None:
        try:
            if party.refresh is not None:
                await party.refresh()
        except UnavailableError:
            raise
        except Exception as error:
            log.exception("consumer.unrefreshed", consumer=party.name)
            raise UnavailableError(f"it cannot learn what it plans by: {error!r}") from error

    def _own_plan(self, party: Party, event: Event) -> Sequence[Delivery] | None:
        """Plan an event; what is for whole audiences is handed over."""
        if party.name in event.acks:
            return None
        being_offered = self._fan_outs is not None and self._fan_outs.holds(event.key, party.name)
        plan = None if being_offered else self._plan(party, event)
        if being_offered or (plan and any(isinstance(item, FanOut) for item in plan)):
            # Where an audience is lacking, it is asked for again by the next full pass.
            if not (plan and self._fan_outs and self._fan_outs.lacks_audience(plan)):
                self._hand_over(party, event, plan)
            return None
        return None if plan is None else [item for item in plan if isinstance(item, Delivery)]

    def _hand_over(self, party: Party, event: Event, plan: Sequence[Delivery | FanOut] | None) -> None:
        due = event.due_at or event.received_at
        self.handed_over[party.name] = min(due, self.handed_over.get(party.name, due))
        if self._fan_outs is None:
            return
        if plan is None:
            self._fan_outs.go_on(event.key, party.name)
        else:
            self._fan_outs.take(Handed(event, party.name, plan))

    def _plan(self, party: Party, event: Event) -> Sequence[Delivery | FanOut] | None:
        try:
            # What is no fact is told at its test destination alone: nobody else plans one.
            return plan_canary(party.consumer, event) if event.type == CANARY else party.consumer.plan(event)
        except Exception:
            # It stays owed, and the next full pass asks again: after a deploy the answer may be another.
            self._metrics.unplanned.labels(party.name).inc()
            log.exception("event.unplanned", consumer=party.name, key=event.key)
            return None

    async def _offer_plans(self, party: Party, plans: Mapping[str, Sequence[Delivery]]) -> dict[str, int]:
        deliveries = [delivery for plan in plans.values() for delivery in plan]
        try:
            skipped = await party.queue.offer(deliveries)
        except UnavailableError:
            raise
        except TellonceError:
            return await self._offer_apart(party, plans)
        self._metrics.offered_again.inc(len(skipped))
        for delivery in skipped:
            log.info("offer.skipped", cause="offered before", consumer=party.name, delivery=delivery)
        return {key: len(plan) for key, plan in plans.items()}

    async def _offer_apart(self, party: Party, plans: Mapping[str, Sequence[Delivery]]) -> dict[str, int]:
        # Something in the batch is refused for good: find it, so that it holds up nothing else.
        taken = {}
        for key, plan in plans.items():
            try:
                await party.queue.offer(plan)
                taken[key] = len(plan)
            except UnavailableError:
                raise
            except TellonceError as error:
                self._metrics.unplanned.labels(party.name).inc()
                log.error("event.refused", consumer=party.name, key=key, why=str(error))  # noqa: TRY400
        return taken

    def _recovered(self, party: Party) -> None:
        if party.failures:
            log.info("consumer.recovered", consumer=party.name)
        self._well(party)

    def _well(self, party: Party) -> None:
        party.failures = 0
        self._metrics.failing.labels(party.name).set(0)

    def _rest(self, party: Party, why: str) -> None:
        party.failures += 1
        party.standing = Standing.BEHIND
        pause = FAILING.delay(party.failures, self._chance)
        party.rests_until = self._clock.monotonic() + pause
        self._metrics.failing.labels(party.name).set(1)
        log.warning("consumer.resting", consumer=party.name, why=why, seconds=round(pause, 1))

    def _trace(self, told: Sequence[Event], acks: Mapping[str, Mapping[str, int]], began: datetime) -> None:
        if not tracing.on:
            return
        ended = self._clock.now()
        for event in told:
            for name, deliveries in acks.get(event.key, {}).items():
                said: dict[str, Said] = {"consumer": name, "deliveries": deliveries}
                tracing.tell(Step("offer", event.key, event.receipt, began, ended, said))

    def _count(self, acks: Mapping[str, Mapping[str, int]]) -> None:
        for taken in acks.values():
            for name, deliveries in taken.items():
                self._metrics.acked.labels(name).inc()
                self._metrics.offered.labels(name).inc(deliveries)
