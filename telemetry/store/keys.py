"""How each event type tells its facts apart, for all processes at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from telemetry.core.key import KeyPolicy
from telemetry.store.client import Connection
from telemetry.store.commands import ensure, patiently, read


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
        return {row["_id"]: _policy(row) for row in await read(self._rows, {})}

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
