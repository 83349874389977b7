"""What a handler may emit: what can never be an event is refused at the call, by name."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from typing import Any

import bson
import pytest

from consumers.handler import EmitError, emission
from consumers.handler.emission import Emissions
from telemetry.core.delivery import Delivery
from telemetry.core.event import Event
from telemetry.store.documents import event_row
from tests.facts import LONG_AGO, a_delivery, an_event

NOW = LONG_AGO + timedelta(days=1)


def emitted(delivery: Delivery | None = None, handler: str = "find", **given: Any) -> Event:
    """Emit one event."""
    emissions = Emissions(handler, delivery or a_delivery(an_event()), NOW)
    given = {"kind": "winner_found", "subject": "ann", "properties": None, "deliver_at": None} | given
    emissions.add(**given)
    (event,) = emissions.events("msg_1", NOW)
    return event


def test_every_try_emits_under_the_same_key_and_any_other_cause_under_another() -> None:
    delivery = a_delivery(an_event("campaign_closing:c1"))
    first = emitted(delivery)
    assert first.key == emitted(replace(delivery, claims=7), properties={"other": 1}).key
    others = [
        emitted(a_delivery(an_event("campaign_closing:c2"))),
        emitted(replace(delivery, generation=1)),
        emitted(delivery, handler="other"),
        emitted(delivery, subject="bob"),
        emitted(delivery, kind="loser_found"),
    ]
    assert 6 == len({event.key for event in (first, *others)})
    assert first.key.startswith("winner_found:find:ann:")


def test_the_same_twice_is_one_and_with_another_body_an_error() -> None:
    emissions = Emissions("find", a_delivery(an_event()), NOW)
    emissions.add("winner_found", 42, {"prize": 1}, None)
    emissions.add("winner_found", "42", {"prize": 1}, None)
    with pytest.raises(EmitError, match="emitted before with another body"):
        emissions.add("winner_found", "42", {"prize": 2}, None)
    assert ["42"] == [event.distinct_id for event in emissions.events("msg_1", NOW)]


def test_what_is_changed_after_the_call_is_none_of_the_event() -> None:
    emissions, properties = Emissions("find", a_delivery(an_event()), NOW), {"list": [1]}
    emissions.add("winner_found", "ann", properties, None)
    properties["list"].append(2)
    assert {"list": [1]} == emissions.events("msg_1", NOW)[0].properties


def test_they_keep_their_order() -> None:
    emissions = Emissions("find", a_delivery(an_event()), NOW)
    for number in range(5):
        emissions.add("winner_found", number, None, NOW + timedelta(hours=1) if number == 4 else None)
    orders = [event.order for event in emissions.events("msg_1", NOW)]
    assert sorted(set(orders)) == orders


def test_it_may_be_for_later() -> None:
    at = NOW + timedelta(days=1)
    event = emitted(deliver_at=at)
    assert (at, at, 0) == (event.deliver_at, event.due_at, event.revision)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"properties": {"at": NOW}}, "datetime is not JSON serializable"),
        ({"properties": {"n": float("nan")}}, "properties.n: NaN"),
        ({"properties": {"a\0b": 1}}, "a name holds a NUL"),
        ({"properties": [1]}, "properties: Input should be a valid dictionary"),
        ({"properties": {"long": "x" * 70_000}}, "larger than the 65536 bytes"),
        ({"properties": {"n": 2**70}}, "an integer beyond 64 bits"),
        ({"kind": ""}, "event: String should have at least 1 character"),
        ({"kind": "a\0b"}, "event: holds a NUL"),
        ({"kind": 5}, "event: Input should be a valid string"),
        ({"subject": ""}, "subject: .* at least 1"),
        ({"subject": "a\0b"}, "subject: holds a NUL"),
        ({"subject": "\ud800"}, "lone surrogate"),
        ({"subject": "\N{SNOWMAN}" * 200}, "key: .* bytes long"),
        ({"deliver_at": datetime(2030, 1, 1)}, "deliver_at: expected a datetime with a time zone"),  # noqa: DTZ001
        ({"deliver_at": "tomorrow"}, "deliver_at: expected a datetime"),
        ({"deliver_at": NOW + timedelta(days=3654)}, "deliver_at: expected within ten years, not 2036-01-"),
        ({"deliver_at": datetime.max.replace(tzinfo=timezone(-timedelta(hours=12)))}, "expected within ten years"),
    ],
    ids=str,
)
def test_what_can_never_be_an_event_is_named(given: dict[str, Any], said: str) -> None:
    with pytest.raises(EmitError, match=said) as error:
        emitted(**given)
    assert str(error.value).startswith("emit ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "properties", [None, {"long": "x" * 60_000}, {"numbers": [1] * 20_000}], ids=["many", "long", "numbers"]
)
def test_all_of_them_together_fit_in_a_row(monkeypatch: pytest.MonkeyPatch, properties: Any) -> None:
    most = 512 * 1024
    monkeypatch.setattr(emission, "LARGEST_IN_ALL", most)
    emissions = Emissions("find", a_delivery(an_event()), NOW)

    def emit_without_end() -> None:
        for number in count():
            emissions.add("winner_found", number, properties, None)

    with pytest.raises(EmitError, match=f"more than {most} bytes in all"):
        emit_without_end()
    rows = [event_row(event) for event in emissions.events("msg_" + "x" * 32, NOW)]
    assert most < len(bson.encode({"emits": rows})) < 1.5 * most


def test_a_time_zone_is_kept_as_a_moment() -> None:
    at = datetime(2030, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)
    assert at.replace(microsecond=123000) == emitted(deliver_at=at).deliver_at
