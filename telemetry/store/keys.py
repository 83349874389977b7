"""How each event type tells its facts apart, for all processes at once.

Beside the types stands the secret by which erased facts are known, once there is one: whoever reads the policies learns
of it without asking. Its row is named as no type can be; it looks like one to processes that know nothing of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from telemetry.core.erasure import Secret
from telemetry.core.key import PER_OCCURRENCE, KeyPolicy
from telemetry.store.client import Connection
from telemetry.store.commands import ensure, patiently, read

SECRET = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """One row of the `keys` collection; while `switching`, the type takes no events."""

    type: str
    key: KeyPolicy
    switching: KeyPolicy | None = None


class Keys:
    """The `keys` collection."""

    def __init__(self, connection: Connection) -> None:
        self._rows = connection["keys"]

    async def read(self) -> dict[str, Policy]:
        """Read the policies in force, by type."""
        policies, _ = await self.read_all()
        return policies

    async def read_all(self) -> tuple[dict[str, Policy], Secret | None]:
        """Read the policies in force, by type, and the secret of erased facts, where something was erased."""
        rows = {row["_id"]: row for row in await read(self._rows, {})}
        secret = rows.pop(SECRET, None)
        return {name: _policy(row) for name, row in rows.items()}, Secret(secret["secret"]) if secret else None

    async def ensure_secret(self, fresh: str) -> Secret:
        """Make a fresh secret the deployment's, unless it has one: from then on ingest looks for what was erased."""
        await ensure(self._rows, SECRET, {"key": PER_OCCURRENCE, "secret": fresh})
        _, secret = await self.read_all()
        return secret or Secret(fresh)

    async def register(self, event_type: str, key: KeyPolicy) -> Policy:
        """Put a type's policy in force unless one is; answer with the one that is."""
        await ensure(self._rows, event_type, {"key": key.spelling})
        (row,) = await read(self._rows, {"_id": event_type})
        return _policy(row)

    async def begin_switch(self, event_type: str, to: KeyPolicy) -> None:
        """Stop taking events of a type, so that its stored facts can be given their new keys."""
        await patiently(self._rows.update_one, {"_id": event_type}, {"$set": {"switching": to.spelling}})

    async def finish_switch(self, event_type: str, to: KeyPolicy) -> None:
        """Put the new policy in force."""
        change = {"$set": {"key": to.spelling}, "$unset": {"switching": ""}}
        await patiently(self._rows.update_one, {"_id": event_type, "switching": to.spelling}, change)


def _policy(row: dict[str, str | Sequence[str]]) -> Policy:
    switching = row.get("switching")
    key = KeyPolicy.parse(row["key"])
    return Policy(str(row["_id"]), key, KeyPolicy.parse(switching) if switching else None)
