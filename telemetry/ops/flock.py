"""Which types need a canary, and what each canary is like."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from telemetry.core.canary import facts_at, specimen, told_at
from telemetry.core.consumer import Consumer
from telemetry.core.delivery import Delivery
from telemetry.core.errors import ConfigurationError
from telemetry.core.event import Event, new_event
from telemetry.core.fan_out import FanOut
from telemetry.core.key import KeyPolicy
from telemetry.ops.canary import Errand
from telemetry.runtime.config import expected_one_of
from telemetry.store.audiences import Audiences
from telemetry.store.canaries import Canaries
from telemetry.store.client import Connection


class Flock:
    """The canaries of one errand, as the types of the file and the routes of a consumer ask for them."""

    def __init__(
        self, connection: Connection, policies: Mapping[str, KeyPolicy], consumer: Consumer, errand: Errand
    ) -> None:
        self._connection = connection
        self._policies = policies
        self._consumer = consumer
        self._errand = errand

    async def check(self) -> None:
        """Raise ConfigurationError where facts of any type are told at the test destination, or may be by audience."""
        # Also types that have no policy, and our own: no plan of a type of the file shows them.
        told = [*facts_at(self._consumer, self._errand.to), *(name for name in self._policies if self._is_told(name))]
        if told:
            raise ConfigurationError(
                f"{self._errand.to}: facts of type {told[0]!r} are told there; name one that is for tests"
            )
        if audiences := await Audiences(self._connection).holding(self._errand.to):
            raise ConfigurationError(
                f"{self._errand.to}: it is a member of audience {audiences[0]!r}; name one that is for tests"
            )

    async def of_types(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Give the canaries of some types; raise ConfigurationError for a type that there is not."""
        for name in names:
            if name not in self._policies:
                raise ConfigurationError(f"{name}: no such type in the file; {expected_one_of(name, self._policies)}")
        return [self._like(name, await Canaries(self._connection).latest(name)) for name in dict.fromkeys(names)]

    async def of_quiet(self, quiet: timedelta) -> list[dict[str, Any]]:
        """Give the canaries of those types that are told and had no fact for so long."""
        found, before = [], self._connection.clock.now() - quiet
        for name in self._policies:
            latest = await Canaries(self._connection).latest(name)
            canary = self._like(name, latest)
            # Where it cannot be planned it is told of: at the watcher it will be stuck.
            if (latest is None or latest.received_at < before) and self._plan(canary) != []:
                found.append(canary)
        return found

    def _like(self, name: str, latest: Event | None) -> dict[str, Any]:
        like = latest.properties if latest else {}
        return specimen(name, self._errand.name, self._policies[name], like) | {"canary": self._errand.ticket}

    def _is_told(self, name: str) -> bool:
        plan = self._plan(specimen(name, self._errand.name, self._policies[name], {}))
        return plan is not None and self._errand.to in told_at(plan)

    def _plan(self, canary: Mapping[str, Any]) -> Sequence[Delivery | FanOut] | None:
        """Plan a fact that is like a canary; None where that fails."""
        kind, now = str(canary["event"]), self._connection.clock.now()
        about: dict[str, Any] = {"distinct_id": canary["distinct_id"], "properties": canary["properties"]}
        fact = new_event(key=kind, type=kind, source="", receipt="", order=0, received=now, **about)
        try:
            return list(self._consumer.plan(fact))
        except Exception:  # noqa: BLE001 - another package's consumer may raise anything
            return None
