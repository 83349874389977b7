import pytest

from telemetry.core.errors import ConfigurationError
from telemetry.store.client import Connection
from telemetry.store.indexes import OWED, Index, inspect, reconcile


async def actions(connection: Connection, *indexes: Index) -> list[str]:
    return [done.action for done in await reconcile(connection, indexes)]


async def test_a_second_boot_changes_nothing(connection: Connection) -> None:
    assert ["kept"] == await actions(connection, OWED)
    assert [(OWED, "right")] == await inspect(connection, [OWED])


async def test_a_missing_index_is_built(connection: Connection) -> None:
    await connection["events"].drop_index("owed")
    assert [(OWED, "missing")] == await inspect(connection, [OWED])
    assert ["built", "kept"] == [*await actions(connection, OWED), *await actions(connection, OWED)]


async def test_an_index_made_under_other_options_is_rebuilt(connection: Connection) -> None:
    await connection["events"].drop_index("owed")
    await connection["events"].create_index([("due_at", 1)], name="owed")
    assert [(OWED, "different")] == await inspect(connection, [OWED])
    assert ["rebuilt"] == await actions(connection, OWED)
    assert [(OWED, "right")] == await inspect(connection, [OWED])


async def test_rows_that_repeat_are_named_before_a_unique_index_is_built(connection: Connection) -> None:
    unique = Index("invitations", "once", (("address", 1),), unique=True)
    rows = [{"_id": n, "address": address} for n, address in enumerate(["a@x", "b@x", "a@x"])]
    await connection["invitations"].insert_many(rows)

    with pytest.raises(ConfigurationError, match=r"invitations\.once.*'a@x'.* 0, 2"):
        await reconcile(connection, [unique])
    await connection["invitations"].delete_one({"_id": 2})
    assert ["built"] == await actions(connection, unique)
