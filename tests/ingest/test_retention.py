"""What is sent again after its payload was removed, or its person forgotten."""

from typing import Any

import anyio
import pytest

from telemetry.ingest.policies import FRESH_SECONDS
from telemetry.ops.forget import forget
from telemetry.ops.runs import Operator
from telemetry.store.client import Connection
from telemetry.store.erasures import Erasures
from telemetry.store.events import Events
from tests.ingest.conftest import Producer
from tests.ingest.test_deferred import KEY, TOMORROW, one

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


async def test_what_a_forgotten_person_did_is_known_to_an_ingest_that_was_running_before(
    producer: Producer, connection: Connection
) -> None:
    await one(producer, SIGN_UP)
    found = []

    async def meanwhile(_: float) -> None:
        # As late as an ingest may look at the policies in force for the last time before the rows go.
        await anyio.sleep(FRESH_SECONDS)
        found.append(await one(producer, SIGN_UP))

    await forget(connection, "u1", Operator("bob"), sleep=meanwhile)
    found.append(await one(producer, SIGN_UP | {"properties": {"plan": "paid"}}))
    found.append(await one(producer, SIGN_UP | {"revision": 7, "deliver_at": TOMORROW.isoformat()}))

    for answer in found:
        assert ("duplicate", KEY) == (answer["status"], answer["id"])
        assert "its person was forgotten" in answer["note"]
    assert [] == [row async for row in connection["events"].find({"distinct_id": "u1"})]


async def test_others_in_the_same_request_are_stored(producer: Producer, connection: Connection) -> None:
    await one(producer, SIGN_UP)
    await forget(connection, "u1", Operator("bob"), sleep=anyio.sleep, settle=FRESH_SECONDS)

    _, answer = await producer.send([SIGN_UP, SIGN_UP | {"distinct_id": "u2"}, SIGN_UP])

    assert ["duplicate", "accepted", "duplicate"] == [result["status"] for result in answer["results"]]


async def test_looking_for_what_was_erased_costs_nothing_until_somebody_was_forgotten(
    producer: Producer, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []
    known = Erasures.known

    async def counted(self: Erasures, keys: Any) -> Any:
        looked.append(keys)
        return await known(self, keys)

    monkeypatch.setattr(Erasures, "known", counted)
    await one(producer, SIGN_UP)
    assert [] == looked
    await forget(connection, "u1", Operator("bob"), settle=FRESH_SECONDS)
    await one(producer, SIGN_UP)
    assert [[KEY]] == looked
