"""Who has a ticket may send a canary; for everybody else it is a field that is refused."""

from datetime import timedelta

from telemetry.core.canary import CANARY
from telemetry.store.canaries import Canaries
from telemetry.store.client import Connection
from telemetry.store.events import Events
from tests.ingest.conftest import Producer

TEST = "discord:7"
SENT = {"event": "sign_up", "distinct_id": "canary-1", "canary": "ticket"}


async def admit(connection: Connection, seconds: float = 60) -> None:
    await Canaries(connection).admit("ticket", TEST, connection.clock.now() + timedelta(seconds=seconds))


async def test_with_a_ticket_it_is_stored_as_what_it_is(connection: Connection, producer: Producer) -> None:
    await admit(connection)
    status, answer = await producer.send(SENT)
    (canary,) = await Canaries(connection).sent("canary-1")
    assert (202, f"{CANARY}:sign_up:canary-1") == (status, answer["results"][0]["id"])
    assert (CANARY, {"canary": "sign_up", "to": TEST}) == (canary.type, canary.origin)


async def test_a_fact_beside_it_stays_a_fact(connection: Connection, producer: Producer) -> None:
    await admit(connection)
    _, answer = await producer.send([SENT, {"event": "sign_up", "distinct_id": "canary-1"}])
    assert ["accepted", "accepted"] == [result["status"] for result in answer["results"]]
    fact = await Events(connection).get("sign_up:canary-1")
    assert fact is not None
    assert ("sign_up", None) == (fact.type, fact.origin)


async def test_without_a_ticket_that_is_good_nothing_is_stored(connection: Connection, producer: Producer) -> None:
    await admit(connection, seconds=-1)
    for ticket in ("ticket", "guessed", "\ud800"):
        status, answer = await producer.send(SENT | {"canary": ticket})
        assert (422, "rejected") == (status, answer["results"][0]["status"])
    assert 0 == await Events(connection).estimate()


async def test_a_ticket_that_was_withdrawn_is_good_no_more(connection: Connection, producer: Producer) -> None:
    await admit(connection)
    await Canaries(connection).withdraw("ticket")
    _, answer = await producer.send(SENT)
    assert "canary: expected a ticket" in answer["results"][0]["error"]


async def test_it_counts_as_no_fact_of_its_type(connection: Connection, producer: Producer) -> None:
    await admit(connection)
    await producer.send(SENT)
    _, metrics = await producer.get("/metrics")
    assert 'tellonce_ingest_events_total{status="accepted",type="other"} 1.0' in metrics
    assert 'tellonce_ingest_events_total{status="accepted",type="sign_up"} 0.0' in metrics


async def test_producers_are_told_of_no_such_field(producer: Producer) -> None:
    _, described = await producer.get("/openapi.json")
    assert "revision" in described
    assert "canary" not in described
