"""A canary looks like a fact of its type, says nothing of anybody, and is planned for one destination or for none."""

from dataclasses import replace
from typing import Any

import pytest

from telemetry.core.canary import CANARY, as_canary, masked, plan_canary, specimen
from telemetry.core.delivery import State
from telemetry.core.key import KeyPolicy
from telemetry.core.subscription import covers
from tests.facts import Recorder, an_event
from tests.watcher.fan_outs import Caller

TEST = "recorder:test"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Ada Lovelace, 36", "xxx xxxxxxxx, 11"),
        ("2.10.3", "1.11.1"),
        ("https://ada.example/profile", "https://example.com/xxxxxxx"),
        ("2026-11-27T13:00:00Z", "2000-01-01T00:00:00Z"),
        ("1815-12-10", "2000-01-01"),
        (4711, 1111),
        (19.99, 1.0),
        (True, True),
        (None, None),
        ({"name": ["Ada", {"age": 36}]}, {"name": ["xxx", {"age": 11}]}),
    ],
)
def test_what_a_fact_said_keeps_its_shape_alone(value: Any, shown: Any) -> None:
    assert shown == masked(value)


def test_every_field_of_the_key_names_the_canary() -> None:
    policy = KeyPolicy.parse(["distinct_id", "properties.badge.name"])
    made = specimen("badge_awarded", "canary-1", policy, {"badge": "gold", "by": "Ada"})
    assert {"badge": {"name": "canary-1"}, "by": "xxx"} == made["properties"]
    assert "badge_awarded:canary-1:canary-1" == policy.key(made, "open")


def test_what_is_counted_per_occurrence_is_one_more() -> None:
    policy = KeyPolicy.parse("per occurrence")
    assert "tick:open:canary-1" == policy.key(specimen("tick", "canary-1", policy, {}), "open")


def test_it_is_stored_under_a_key_and_a_type_that_no_fact_and_no_route_has() -> None:
    canary = as_canary(an_event("sign_up:canary-1"), TEST)
    assert (f"{CANARY}:sign_up:canary-1", CANARY) == (canary.key, canary.type)
    assert not covers(["*", "sign_up"], canary.type)


def test_it_is_planned_for_the_test_destination_as_its_type_is() -> None:
    consumer = Recorder()
    (delivery,) = plan_canary(consumer, as_canary(an_event("sign_up:canary-1"), TEST))
    assert (f"{CANARY}:sign_up:canary-1|{TEST}", TEST) == (delivery.id, delivery.destination)


def test_of_a_fan_out_one_message_is_told_at_the_test_destination() -> None:
    caller = Caller(texts=("first", "second"), beside=(), fields={"state": State.DEAD, "reason": "no such name"})
    (delivery,) = plan_canary(caller, as_canary(an_event("sign_up:canary-1"), TEST))
    assert (TEST, "first") == (delivery.destination, delivery.body["text"])
    assert (State.DEAD, "no such name") == (delivery.state, delivery.reason)


def test_another_consumer_plans_nothing() -> None:
    assert [] == plan_canary(Recorder("handler"), as_canary(an_event("sign_up:canary-1"), TEST))


def test_nothing_is_planned_where_facts_are_told() -> None:
    assert [] == plan_canary(Recorder(), as_canary(an_event("sign_up:canary-1"), "recorder:1"))


def test_one_that_says_not_where_to_is_told_nowhere() -> None:
    canary = as_canary(an_event("sign_up:canary-1"), TEST)
    assert [] == plan_canary(Recorder(), replace(canary, origin=None))
