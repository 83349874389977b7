"""Trying key policies on what is stored."""

from dataclasses import replace
from datetime import datetime, timedelta

from telemetry.core.key import KeyPolicy
from telemetry.ops.shadow import try_stored
from telemetry.store.keys import Keys
from tests.facts import an_event
from tests.ops.deployment import Deployment

BY_PERSON = KeyPolicy(("distinct_id",))
BY_BADGE = KeyPolicy(("distinct_id", "properties.badge"))


async def badges(deployment: Deployment, *keys: str, at: datetime | None = None) -> None:
    """Store badges under keys made of a person and a badge."""
    received = at or deployment.connection.clock.now()
    made = [an_event(key, badge=key.split(":")[2]) for key in keys]
    rows = [replace(one, distinct_id=one.key.split(":")[1], received_at=received) for one in made]
    await Keys(deployment.connection).register("badge", BY_BADGE)
    await deployment.events.insert(rows)


async def test_facts_of_the_span_that_would_have_been_one_are_counted_and_named(deployment: Deployment) -> None:
    now, read = deployment.connection.clock.now(), list[int]()
    await badges(deployment, "badge:u1:old", at=now - timedelta(days=8))
    await badges(deployment, "badge:u1:a", "badge:u1:b", "badge:u2:a", "badge:u3:a")
    await deployment.events.add_aliases({"badge:u2": "badge:u2:a"})
    await deployment.events.insert([replace(an_event("badge:daily#1"), origin={"schedule": "daily"}, received_at=now)])
    await Keys(deployment.connection).register("same", BY_PERSON)

    file = {"badge": BY_PERSON, "same": BY_PERSON, "never_sent": BY_PERSON}
    (shadow,) = await try_stored(deployment.connection, file, now - timedelta(days=7), read.append)

    assert (shadow.type, shadow.before, shadow.facts, shadow.facts_after) == ("badge", BY_BADGE, 4, 3)
    assert (shadow.suppressed, shadow.split, shadow.refused.total(), read) == (1, 0, 0, [1, 2, 3, 4])
    (sample,) = shadow.samples
    assert sample.first is not None
    assert {sample.first.before, sample.event.before} == {"badge:u1:a", "badge:u1:b"}
    assert sample.differs == ["properties.badge"]
    assert (await Keys(deployment.connection).read())["badge"].key == BY_BADGE


async def test_stored_facts_that_lack_a_part_of_the_new_key_are_counted(deployment: Deployment) -> None:
    await badges(deployment, "badge:u1:a", "badge:u2:a")
    since = deployment.connection.clock.now() - timedelta(days=1)

    (shadow,) = await try_stored(deployment.connection, {"badge": KeyPolicy(("properties.level",))}, since)

    assert (shadow.events, dict(shadow.refused)) == (2, {"properties.level": 2})


async def test_a_type_that_had_no_policy_is_tried_as_well(deployment: Deployment) -> None:
    rows = [replace(an_event(f"click:web:{n}"), distinct_id="u1") for n in range(2)]
    await deployment.events.insert(rows)

    (shadow,) = await try_stored(deployment.connection, {"click": BY_PERSON}, rows[0].received_at)

    assert (shadow.before, shadow.facts, shadow.facts_after) == (None, 2, 1)
