"""What was told last of each trouble, so that a successor tells nothing again."""

from collections.abc import Mapping

from telemetry.core.alert import Told, Trouble
from telemetry.store.client import Connection
from telemetry.store.commands import Row, insert_new, patiently, read

COLLECTION = "alerts"


class Alerts:
    """The `alerts` collection: a row a trouble and consumer."""

    def __init__(self, connection: Connection) -> None:
        self._rows = connection[COLLECTION]

    async def told(self) -> Mapping[str, Told]:
        """Read what was told last, by name."""
        return {row["_id"]: Told(row["number"], row["count"], row.get("at")) for row in await read(self._rows, {})}

    async def note(self, name: str, before: Told, after: Told) -> None:
        """Note what is told now, unless somebody else noted something since `before` was read."""
        fields: Row = {"number": after.number, "count": after.count, "at": after.at}
        if before == Told():
            await insert_new(self._rows, [{"_id": name} | fields])
            return
        guard = {"_id": name, "number": before.number, "count": before.count}
        await patiently(self._rows.update_one, guard, {"$set": fields})


def row_name(trouble: Trouble, consumer: str) -> str:
    """Name the row of a trouble of a consumer."""
    return f"{trouble}|{consumer}"
