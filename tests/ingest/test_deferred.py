"""Facts that are to be told later: revised and cancelled until they fire."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from telemetry.core.event import Event
from telemetry.store.client import Connection
from telemetry.store.deferred import Deferred
from telemetry.store.events import Events
from tests.ingest.conftest import Producer

KEY = "sign_up:u1"
TOMORROW = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
LATER = TOMORROW + timedelta(days=1)


def a_reminder(at: datetime | str | None = TOMORROW, revision: int | None = None, **more: Any) -> dict[str, Any]:
    told = {"deliver_at": at.isoformat() if isinstance(at, datetime) else at, "revision": revision}
    return {"event": "sign_up", "distinct_id": "u1", **{name: v for name, v in told.items() if v is not None}, **more}


async def one(producer: Producer, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Send one event, and give what became of it."""
    _, answer = await producer.send(body)
    (result,) = answer["results"]
    assert 1 == sum(answer[name] for name in answer if name not in ("results", "error"))
    return dict(result)


async def stored(connection: Connection) -> Event:
    event = await Events(connection).get(KEY)
    assert event is not None
    return event


async def test_it_is_owed_from_its_time_on_and_stands_among_what_comes_then(
    producer: Producer, connection: Connection
) -> None:
    assert "accepted" == (await one(producer, a_reminder()))["status"]
    event = await stored(connection)
    assert TOMORROW == event.due_at == event.deliver_at
    assert 0 == event.revision
    assert 0 <= event.order - TOMORROW.timestamp() * 1_000_000 < 1000


@pytest.mark.parametrize(
    "spelling", [TOMORROW.timestamp(), TOMORROW.isoformat().replace("+00:00", "Z")], ids=["seconds", "UTC"]
)
async def test_the_same_time_in_another_spelling_is_a_duplicate(producer: Producer, spelling: Any) -> None:
    await one(producer, a_reminder())
    assert "duplicate" == (await one(producer, a_reminder(None, deliver_at=spelling)))["status"]


async def test_a_higher_revision_takes_the_place_of_a_lower_one_and_a_lower_one_changes_nothing(
    producer: Producer, connection: Connection
) -> None:
    await one(producer, a_reminder(revision=1))
    assert "accepted" == (await one(producer, a_reminder(LATER, 3, properties={"text": "new"})))["status"]
    late = await one(producer, a_reminder(TOMORROW, 2))
    assert "superseded" == late["status"]
    assert "revision 3 stands" in late["error"]
    event = await stored(connection)
    assert (LATER, 3, {"text": "new"}) == (event.due_at, event.revision, event.properties)
    assert 1 == await Events(connection).estimate()


async def test_an_equal_revision_is_a_duplicate_or_a_conflict_that_names_what_differs(producer: Producer) -> None:
    await one(producer, a_reminder(revision=1))
    assert "duplicate" == (await one(producer, a_reminder(revision=1)))["status"]
    other = await one(producer, a_reminder(LATER, 1))
    assert "conflict" == other["status"]
    assert ["deliver_at"] == other["differs"]


async def test_in_one_request_the_newest_wins(producer: Producer, connection: Connection) -> None:
    _, answer = await producer.send([a_reminder(revision=1), a_reminder(LATER, 2), a_reminder(TOMORROW, 1)])
    assert ["accepted", "accepted", "superseded"] == [result["status"] for result in answer["results"]]
    assert LATER == (await stored(connection)).due_at


async def test_a_revision_may_bring_it_forward_to_now(producer: Producer, connection: Connection) -> None:
    await one(producer, a_reminder())
    assert "accepted" == (await one(producer, a_reminder(None, 1)))["status"]
    event = await stored(connection)
    assert event.deliver_at is None
    assert event.due_at is not None
    assert event.due_at < TOMORROW


async def test_once_it_has_fired_a_revision_is_too_late(producer: Producer, connection: Connection) -> None:
    await one(producer, a_reminder(revision=1))
    assert {KEY} == await Deferred(connection).fire([await stored(connection)])
    late = await one(producer, a_reminder(LATER, 2))
    assert "too_late" == late["status"]
    assert "revision 1 is told" in late["error"]
    assert TOMORROW == (await stored(connection)).due_at
    assert "duplicate" == (await one(producer, a_reminder(revision=1)))["status"]


async def test_what_is_told_at_once_cannot_be_revised(producer: Producer, connection: Connection) -> None:
    await one(producer, a_reminder(None))
    assert "too_late" == (await one(producer, a_reminder(LATER, 1)))["status"]
    assert (await stored(connection)).revision is None


async def test_a_cancelled_one_opens_again_by_a_higher_revision_only(
    producer: Producer, connection: Connection
) -> None:
    await one(producer, a_reminder(revision=1))
    await Deferred(connection).cancel(KEY, "ada", "not needed")
    again = await one(producer, a_reminder(revision=1))
    assert "duplicate" == again["status"]
    assert "cancelled" in again["note"]
    assert (await stored(connection)).due_at is None
    assert "accepted" == (await one(producer, a_reminder(TOMORROW, 2)))["status"]
    event = await stored(connection)
    assert (TOMORROW, None) == (event.due_at, event.cancelled)


async def test_a_past_time_means_at_once_and_the_answer_says_so(producer: Producer, connection: Connection) -> None:
    past = await one(producer, a_reminder("2020-01-01T00:00:00Z"))
    assert "accepted" == past["status"]
    assert "deliver_at is past: it is told at once" == past["note"]
    event = await stored(connection)
    assert event.received_at == event.due_at


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (a_reminder(datetime.now(UTC) + timedelta(days=3660)), "deliver_at: expected within ten years, not 20"),
        (a_reminder("tomorrow"), "deliver_at: "),
        (a_reminder(True), "deliver_at: expected an ISO 8601 time"),  # type: ignore[arg-type]
        (a_reminder(revision=-1), "revision: "),
        (a_reminder(revision="2"), "revision: "),  # type: ignore[arg-type]
    ],
    ids=["too far", "no time", "true", "negative", "text"],
)
async def test_a_time_that_nobody_can_promise_is_refused_by_name(
    producer: Producer, connection: Connection, body: Mapping[str, Any], said: str
) -> None:
    status, answer = await producer.send(body)
    assert 422 == status
    assert answer["results"][0]["error"].startswith(said)
    assert 0 == await Events(connection).estimate()
