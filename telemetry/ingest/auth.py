"""Who is submitting: the source whose secret a request carries."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import anyio
from pydantic import SecretStr

from telemetry.core.clock import Clock
from telemetry.core.errors import ConfigurationError, UnavailableError
from telemetry.core.rate import Allowance, Rate
from telemetry.core.source import OPEN, Digest, Source, digest_of
from telemetry.ingest.refusal import Refusal, busy
from telemetry.runtime.logs import get_logger
from telemetry.store.sources import Sources

log = get_logger(__name__)

SCHEME = "bearer "
# A secret that is revoked is taken for so many seconds at most, and so is one that is past its time.
KNOWN_FOR = 5.0
# One that nobody knows is looked for at once; guessing must not keep the database busy.
LOOK_UPS = Rate(30, "min")


@dataclass(frozen=True, slots=True)
class _Known:
    digest: Digest
    name: str


class Callers:
    """Tells sources by their secrets: the environment's, and those that were added.

    The latter are read again when that is a while ago and a request needs them: an ingest at rest asks nothing.
    """

    def __init__(
        self,
        environment: Mapping[str, SecretStr],
        rows: Sources,
        clock: Clock,
        health: Callable[[str | None], None],
        note: Callable[[str], None],
        *,
        patience: float,
    ) -> None:
        self._environment = environment
        self._rows = rows
        self._clock = clock
        self._health = health
        self._note = note
        self._patience = patience
        self._fixed = [_Known(Digest(digest_of(key.get_secret_value())), name) for name, key in environment.items()]
        self._known: dict[str, _Known] = {}
        self._added: Mapping[str, Source] = {}
        self._read_at = float("-inf")
        self._reading = anyio.Lock()
        self._look_ups = Allowance(LOOK_UPS, clock.monotonic())

    @property
    def open(self) -> bool:
        """Whether anyone may submit, as there is no source."""
        return not self._environment and not self._added

    async def check(self) -> None:
        """Raise ConfigurationError where a name would be two sources."""
        await self._read()
        if both := sorted(self._both()):
            raise ConfigurationError(
                f"TELLONCE_INGEST_KEYS: {', '.join(both)} was added with `tellonce sources` too; take the name out of "
                "TELLONCE_INGEST_KEYS, whose secret is not taken any more then"
            )

    async def source_of(self, authorization: str | None) -> str:
        """Name the source of a request; raise Refusal where it carries no known secret. Without any all is open."""
        header = authorization or ""
        secret = header[len(SCHEME) :].strip() if header.lower().startswith(SCHEME) else ""
        digest = digest_of(secret)
        await self._refresh(digest, asked=bool(secret))
        # Found by a hash: how long that takes says nothing about any secret, and nor does the last look.
        found = self._known.get(digest)
        if found and hmac.compare_digest(found.digest.value, digest) and found.digest.holds(self._clock.now()):
            self._note(found.name)
            return found.name
        if self.open:
            return OPEN
        raise Refusal(401, "Authorization: expected `Bearer` and a key of this ingest", {"WWW-Authenticate": "Bearer"})

    def rate_of(self, source: str) -> Rate | None:
        """Give the rate that a source has to keep to, if any."""
        added = None if source in self._environment else self._added.get(source)
        return added.rate if added else None

    async def _refresh(self, digest: str, *, asked: bool) -> None:
        came = self._clock.monotonic()
        known = self._known.get(digest)
        if known in self._fixed or (not self._stale(came) and (known or not asked)):
            return
        try:
            with anyio.fail_after(self._patience):
                # One reading serves all who came before it began.
                async with self._reading:
                    if self._read_at < came and (self._stale(came) or not self._look_ups.ask(1, came)):
                        await self._read()
        except (UnavailableError, TimeoutError) as error:
            why = str(error) or f"the database has not answered within {self._patience:g} s"
            self._health(why)
            raise busy(why) from error

    def _both(self) -> set[str]:
        # One that is revoked has left its name to the environment.
        return {name for name, row in self._added.items() if row.digests and name in self._environment}

    def _stale(self, now: float) -> bool:
        return now - self._read_at > KNOWN_FOR

    async def _read(self) -> None:
        asked = self._clock.monotonic()
        rows = await self._rows.all()
        before = self._both()
        self._added = {name: row for name, row in rows.items() if row.added_at}
        if new := sorted(self._both() - before):
            log.warning("source.named_twice", sources=new, why="TELLONCE_INGEST_KEYS has it too, and holds")
        known = [_Known(digest, name) for name, row in self._added.items() for digest in row.digests]
        # What the environment names is the environment's, whatever is added while this runs.
        taken = [one for one in known if one.name not in self._environment] + self._fixed
        self._known = {one.digest.value: one for one in taken}
        self._read_at = asked
