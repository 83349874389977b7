"""How facts are told apart right now: as the database says, whatever this process's file says."""

from collections.abc import Collection, Mapping
from typing import Any

import anyio

from telemetry.core.clock import Clock
from telemetry.core.erasure import Secret
from telemetry.core.errors import ConfigurationError, UnknownTypeError
from telemetry.core.key import KeyPolicy, body_key, occurrence_key
from telemetry.ingest.refusal import busy
from telemetry.runtime.config import Config, nearest
from telemetry.store.keys import Keys, Policy

# A key made by an older reading could be a policy's that is no longer in force.
FRESH_SECONDS = 2.0

InForce = Mapping[str, KeyPolicy | None]


class Policies:
    """The key policies in force, read again when they are older than two seconds and needed."""

    def __init__(self, keys: Keys, config: Config, clock: Clock) -> None:
        self._keys = keys
        self._config = config
        self._clock = clock
        self._known: dict[str, Policy] = {}
        # Of what was erased, once something was; as old as the policies at most.
        self.secret: Secret | None = None
        self._read_at = float("-inf")
        self._reading = anyio.Lock()

    async def check(self) -> None:
        """Raise ConfigurationError where the file and the database disagree about a type."""
        await self._read()
        for name, policy in self._config.types.items():
            known = self._known.get(name)
            if known and policy.key not in (known.key, known.switching):
                raise ConfigurationError(
                    f"{self._config.source}: types.{name}.key: the file says {policy.key.spelling!r}, the database "
                    f"{known.key.spelling!r}; change the file back, or switch with `tellonce keys apply {name}`"
                )

    async def in_force(self, types: Collection[str]) -> InForce:
        """Know what is in force for some types; raise Refusal while one of them is being switched."""
        if self._stale() or self._unregistered(types):
            # One reading serves all who wait for it.
            async with self._reading:
                if self._stale():
                    await self._read()
                for name in self._unregistered(types):
                    self._known[name] = await self._keys.register(name, self._config.types[name].key)
        for name in types:
            if name in self._known and self._known[name].switching:
                raise busy(f"{name}: its key policy is being switched", seconds=5)
        return {name: self._known[name].key if name in self._known else None for name in types}

    async def confirm(self, keyed: InForce) -> None:
        """Raise Refusal unless the policies by which events were keyed are in force still."""
        for name, policy in (await self.in_force(keyed)).items():
            if policy != keyed[name]:
                raise busy(f"{name}: its key policy has just been switched")

    def key(self, claims: Mapping[str, Any], source: str, policy: KeyPolicy | None) -> str:
        """Make an event's key; raise InvalidEventError where it cannot be told apart from others."""
        if policy is not None:
            return policy.key(claims, source)
        if claims.get("insert_id"):
            return occurrence_key(claims, source)
        if self._config.ingest.unknown_types == "body":
            return body_key(claims, source)
        name, known = str(claims["event"]), {*self._known, *self._config.types}
        raise UnknownTypeError(f"event: {name!r} has no key policy, so it needs an `insert_id`{nearest(name, known)}")

    @property
    def types(self) -> Collection[str]:
        """Name the types that are ours, for a metric's label."""
        return self._known.keys() | self._config.types.keys()

    def knows(self, name: str) -> bool:
        """Say whether a type is one of ours."""
        return name in self._known or name in self._config.types

    def _stale(self) -> bool:
        return self._clock.monotonic() - self._read_at > FRESH_SECONDS

    def _unregistered(self, types: Collection[str]) -> list[str]:
        return [name for name in types if name not in self._known and name in self._config.types]

    async def _read(self) -> None:
        asked = self._clock.monotonic()
        self._known, self.secret = await self._keys.read_all()
        self._read_at = asked
