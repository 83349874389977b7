"""Which types get a canary: those that are told, and had no fact lately; and none where facts are told."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from consumers.discord.consumer import connect
from telemetry.core.canary import as_canary, plan_canary
from telemetry.core.delivery import Delivery
from telemetry.core.errors import ConfigurationError
from telemetry.core.event import Event
from telemetry.core.key import KeyPolicy
from telemetry.ops.canary import Errand
from telemetry.ops.flock import Flock
from telemetry.runtime.config import parse_config
from telemetry.store.client import Connection
from telemetry.store.events import Events
from tests.audiences import an_audience
from tests.facts import Recorder, a_delivery, an_event

POLICIES = {name: KeyPolicy.parse(["distinct_id"]) for name in ("sign_up", "badge_awarded", "untold", "broken")}
DAY = timedelta(days=1)


class Routed(Recorder):
    """A consumer that tells two types, and fails on one."""

    def plan(self, event: Event) -> Sequence[Delivery]:
        """Plan a message of those types."""
        if event.type == "broken":
            raise KeyError("plan")
        return [] if event.type == "untold" else [a_delivery(event, f"recorder:{event.type}")]


def a_flock(connection: Connection, to: str = "recorder:test") -> Flock:
    return Flock(connection, POLICIES, Routed(), Errand("canary-1", to, "ticket"))


async def test_those_that_are_told_and_quiet_and_those_that_cannot_be_planned(connection: Connection) -> None:
    now = connection.clock.now()
    await Events(connection).insert([an_event("sign_up:u1", due_at=now), an_event("badge_awarded:u1", by="Ada")])
    canaries = {one["event"]: one for one in await a_flock(connection).of_quiet(DAY)}
    assert {"badge_awarded", "broken"} == set(canaries)
    assert ("canary-1", {"by": "xxx"}, "ticket") == tuple(
        canaries["badge_awarded"][name] for name in ("distinct_id", "properties", "canary")
    )


async def test_those_that_are_named_whatever_they_had(connection: Connection) -> None:
    await Events(connection).insert([an_event("sign_up:u1", due_at=connection.clock.now())])
    named = await a_flock(connection).of_types(["sign_up", "untold", "sign_up"])
    assert ["sign_up", "untold"] == [one["event"] for one in named]


async def test_a_type_that_there_is_not_is_named_with_the_nearest(connection: Connection) -> None:
    with pytest.raises(ConfigurationError, match=r'signup: no such type in the file; .*did you mean "sign_up"'):
        await a_flock(connection).of_types(["signup"])


async def test_a_destination_of_any_types_facts_is_refused(connection: Connection) -> None:
    await a_flock(connection).check()
    with pytest.raises(ConfigurationError, match="facts of type 'badge_awarded' are told there"):
        await a_flock(connection, "recorder:badge_awarded").check()


async def test_so_is_a_member_of_an_audience(connection: Connection) -> None:
    """
    No plan of any type names it, and yet people read there.
    """
    await an_audience(connection, "groups", ["discord:112233445566778899"])
    await a_flock(connection, "discord:112233445566778900").check()
    with pytest.raises(ConfigurationError, match="discord:112233445566778899: it is a member of audience 'groups'"):
        await a_flock(connection, "discord:112233445566778899").check()


@pytest.mark.parametrize("told", ["coin_flip", "tellonce.alert"])
async def test_so_is_one_where_types_are_told_that_have_no_policy(connection: Connection, told: str) -> None:
    config = parse_config(
        f"""
        [discord.channels]
        community = "112233445566778899"
        other = "112233445566778900"
        [types.sign_up]
        key = ["distinct_id"]
        [[discord.routes]]
        events = ["sign_up"]
        channel = "other"
        title = "t"
        [[discord.routes]]
        events = ["{told}"]
        channel = "community"
        title = "t"
        """
    )
    consumer, to = connect(config), "discord:112233445566778899"
    with pytest.raises(ConfigurationError, match=f"{to}: facts of type {told!r} are told there"):
        await Flock(connection, {"sign_up": POLICIES["sign_up"]}, consumer, Errand("canary-1", to, "ticket")).check()
    # A file of its own says so to the watcher.
    assert [] == plan_canary(consumer, as_canary(an_event("sign_up:canary-1"), to))
    assert plan_canary(consumer, as_canary(an_event("sign_up:canary-1"), "discord:112233445566778955"))
