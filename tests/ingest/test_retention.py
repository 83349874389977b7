"""What is sent again after its payload was removed."""

from telemetry.store.client import Connection
from telemetry.store.events import Events
from tests.ingest.conftest import Producer
from tests.ingest.test_deferred import KEY, one

SIGN_UP = {"event": "sign_up", "distinct_id": "u1", "properties": {"plan": "free"}}


async def test_a_repeat_is_known_and_a_contradiction_too_though_not_where_it_differs(
    producer: Producer, connection: Connection
) -> None:
    await one(producer, SIGN_UP)
    await connection["events"].update_one({"_id": KEY}, {"$unset": {"due_at": ""}})
    assert 1 == await Events(connection).scrub([KEY])

    assert "duplicate" == (await one(producer, SIGN_UP))["status"]
    conflict = await one(producer, SIGN_UP | {"properties": {"plan": "paid"}})
    assert "conflict" == conflict["status"]
    assert "where it differs is not known; its properties were removed in time" in conflict["error"]
    event = await Events(connection).get(KEY)
    assert event is not None
    assert {} == event.properties
