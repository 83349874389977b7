"""Comparing and switching key policies."""

from dataclasses import replace
from typing import Any

import pytest

from telemetry.core.key import KeyPolicy
from telemetry.ops.keys import compare, switch
from telemetry.store.keys import Keys
from tests.facts import an_event
from tests.ops.deployment import Deployment

BY_PERSON = KeyPolicy(("distinct_id",))
BY_BADGE = KeyPolicy(("distinct_id", "properties.badge"))


async def at_once(_: float) -> None:
    """Let a test not wait for ingests that it has not started."""


async def blocked_by(deployment: Deployment, key: str) -> str | None:
    taken = await deployment.events.insert([an_event(key, receipt="another")])
    return taken[key].key if key in taken else None


async def badges(deployment: Deployment, **given: Any) -> None:
    await Keys(deployment.connection).register("badge", BY_PERSON)
    await deployment.events.insert([an_event(f"badge:u{n}", badge=f"b{n}", **given) for n in range(3)])


async def test_the_files_policies_are_compared_with_those_in_force(deployment: Deployment) -> None:
    keys = Keys(deployment.connection)
    await keys.register("same", BY_PERSON)
    await keys.register("differs", BY_PERSON)
    await keys.register("gone", BY_PERSON)

    found = await compare(deployment.connection, {"same": BY_PERSON, "differs": BY_BADGE, "new": BY_PERSON})

    assert {row.type: row.verdict for row in found} == {
        "differs": "differs",
        "gone": "not in the file",
        "new": "unused",
        "same": "same",
    }
    assert [row.type for row in found if row.needs_switch] == ["differs"]


async def test_after_a_switch_stored_facts_block_both_keys(deployment: Deployment) -> None:
    await badges(deployment)

    done = await switch(deployment.connection, "badge", BY_BADGE, sleep=at_once)

    assert (done.events, done.aliased, done.keyless) == (3, 3, 0)
    assert await blocked_by(deployment, "badge:u1:b1") == "badge:u1"
    assert await blocked_by(deployment, "badge:u1") == "badge:u1"
    assert (await Keys(deployment.connection).read())["badge"].key == BY_BADGE


async def test_a_switch_that_died_half_way_is_finished_by_repeating_it(deployment: Deployment) -> None:
    await badges(deployment)

    def dies(_: int) -> None:
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        await switch(deployment.connection, "badge", BY_BADGE, sleep=at_once, seen=dies)
    assert (await compare(deployment.connection, {"badge": BY_BADGE}))[0].needs_switch

    await switch(deployment.connection, "badge", BY_BADGE, sleep=at_once)

    assert not (await compare(deployment.connection, {"badge": BY_BADGE}))[0].needs_switch
    assert await blocked_by(deployment, "badge:u2:b2") == "badge:u2"


async def test_facts_that_lack_what_the_new_key_takes_are_counted(deployment: Deployment) -> None:
    await badges(deployment)

    done = await switch(deployment.connection, "badge", KeyPolicy(("properties.level",)), sleep=at_once)

    assert (done.events, done.aliased, done.keyless) == (3, 0, 3)


async def test_other_types_keep_their_keys(deployment: Deployment) -> None:
    await badges(deployment)
    await deployment.events.insert([an_event("badger:u1", badge="b1")])

    done = await switch(deployment.connection, "badge", BY_BADGE, sleep=at_once)

    assert done.events == 3


async def test_what_a_schedule_or_a_handler_made_keeps_its_key_alone(deployment: Deployment) -> None:
    event = an_event("badge:standup#1@20261130T075500Z", badge="b1")
    made = replace(event, distinct_id="everyone", origin={"schedule": "standup"})
    await deployment.events.insert([made])

    done = await switch(deployment.connection, "badge", BY_PERSON, sleep=at_once)

    assert (done.events, done.aliased, done.keyless) == (0, 0, 0)
    assert await blocked_by(deployment, "badge:everyone") is None
