"""Expected against told: who is missing, and why."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from telemetry.core.delivery import Delivery, Signal
from telemetry.core.errors import TellonceError
from telemetry.ops import audit as audits
from telemetry.ops.audit import Audit, audit
from telemetry.ops.runs import Operator, Verb, act
from telemetry.ops.target import RunTarget
from telemetry.ops.verify import verify
from telemetry.store.client import Connection
from telemetry.store.deliveries import Deliveries
from telemetry.store.drafts import KEPT_FOR, Drafts
from telemetry.store.held import Held
from telemetry.watcher.offering import Offering
from tests.audiences import an_audience
from tests.facts import a_delivery
from tests.ops.deployment import Deployment
from tests.watcher.fan_outs import KEY, NAME, RUN, Caller, a_run, an_offering, members, owe


async def audited(connection: Connection, key: str = KEY, most: int = 100) -> Audit:
    found = await audit(connection, key, most)
    assert found is not None
    return found


async def settle(connection: Connection, place: int, signal: Signal, **fields: Any) -> None:
    name = f"{KEY}|{members(place + 1)[place]}"
    await Held(connection, NAME, RUN).admit([name])
    assert await Deliveries(connection, NAME).settle([(name, 0)], signal, **fields)


def refused(monkeypatch: pytest.MonkeyPatch, destination: str) -> None:
    """Have the database refuse what is for a destination."""
    offered = Deliveries.offer

    async def choosy(queue: Deliveries, deliveries: Sequence[Delivery]) -> list[str]:
        if any(one.destination == destination for one in deliveries):
            raise TellonceError("too large")
        return await offered(queue, deliveries)

    monkeypatch.setattr(Deliveries, "offer", choosy)


@pytest.mark.parametrize("page", [1, 4, 500])
async def test_each_one_who_is_missing_is_named_with_the_reason(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(audits, "PAGE", page)
    await a_run(connection, Caller(), 7)
    for place in (0, 1):
        await settle(connection, place, Signal.DONE, result={"id": "1"})
    await settle(connection, 2, Signal.GIVE_UP, reason="410 Gone")
    await settle(connection, 3, Signal.PARK, reason="no permission")
    await connection[f"{NAME}_queue"].delete_one({"_id": f"{KEY}|recorder:00004"})
    await Held(connection, NAME, RUN).skip(5, 6, "cancelled by anna: wrong text")

    found = await audited(connection)

    assert (found.expected, found.delivered, found.waiting, found.missing) == (7, 2, 1, 4)
    assert {(one.delivery.rpartition(":")[2], one.why) for one in found.named} == {
        ("00002", "dead: 410 Gone"),
        ("00003", "parked: no permission"),
        ("00004", "not there at all"),
        ("00005", "skipped: cancelled by anna: wrong text"),
    }


async def for_five(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> Offering:
    """Begin to offer an event to five members, two at a time."""
    monkeypatch.setattr("telemetry.watcher.offering.PAGE", 2)
    await an_audience(connection, "all", members(5))
    return an_offering(connection, await owe(connection), Caller())


async def test_what_is_not_offered_yet_is_missing_until_it_is(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    offering = await for_five(connection, monkeypatch)
    assert (await audited(connection)).why == {"not offered yet": 1}
    for _ in range(2):
        await offering.step()

    assert (await audited(connection)).why == {"not offered yet": 3}
    while not await offering.step():
        pass
    found = await audited(connection)
    assert (found.expected, found.waiting, found.missing) == (5, 5, 0)


async def test_those_who_are_expected_are_read_from_the_audience_as_it_was(connection: Connection) -> None:
    await a_run(connection, Caller(texts=("first", "second"), beside=["recorder:apart"]), 3)
    await an_audience(connection, "all", ["recorder:newcomer"])

    assert (await audited(connection)).expected == 7


async def replaced_long_ago(connection: Connection) -> None:
    """Have the audience as it was be gone."""
    await an_audience(connection, "all", ["recorder:newcomer"])
    long_ago = connection.clock.now() - KEPT_FOR - timedelta(seconds=1)
    await connection["audiences"].update_one({"_id": "all"}, {"$set": {"past.0.at": long_ago}})
    draft = await Drafts(connection).begin("all")
    await Drafts(connection).clean(draft)


async def test_where_the_audience_as_it_was_is_gone_what_was_acked_is_compared(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A week after it was replaced; the rows may be remembered for ever.
    """
    refused(monkeypatch, "recorder:00004")
    await a_run(connection, Caller(beside=["recorder:apart"]), 5)
    await settle(connection, 0, Signal.DONE, result={"id": "1"})
    await settle(connection, 1, Signal.GIVE_UP, reason="410 Gone")
    await connection[f"{NAME}_queue"].delete_one({"_id": f"{KEY}|recorder:00002"})
    await replaced_long_ago(connection)

    found = await audited(connection)

    assert (found.expected, found.delivered, found.waiting, found.missing) == (6, 1, 2, 3)
    assert found.why == {"dead": 1, "not there at all": 1, "refused": 1}
    assert "recorder:00004" in {one.delivery.rpartition("|")[2] for one in found.named}


async def test_where_the_audience_is_gone_before_all_is_offered_the_rest_is_said_to_be_missing(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    offering = await for_five(connection, monkeypatch)
    for _ in range(2):
        await offering.step()
    await offering.close()
    await replaced_long_ago(connection)

    found = await audited(connection)
    assert (found.waiting, found.why) == (2, {"not offered yet": 1})
    assert found.named[0].why == "not offered to all: audience 'all': version 1 was replaced and is gone by now"


async def test_of_many_who_are_missing_so_many_are_named(connection: Connection) -> None:
    await a_run(connection, Caller(), 8)
    await act(connection, Verb.CANCEL, RunTarget(KEY), Operator("anna"))

    found = await audited(connection, most=3)
    assert (found.missing, len(found.named)) == (8, 3)


async def test_an_event_without_a_run_is_compared_with_its_acks(deployment: Deployment) -> None:
    await deployment.told("sign_up:u9")
    rows = await deployment.take_over(await deployment.accept("sign_up:u2"), ["discord:1", "discord:2"])
    await deployment.accept("sign_up:u3")
    connection = deployment.connection

    assert (await audited(connection, "sign_up:u9")).missing == 0
    await connection["discord_queue"].delete_one({"_id": rows[0].id})
    found = await audited(connection, "sign_up:u2")
    assert (found.expected, found.waiting, found.why) == (2, 1, {"not there at all": 1})
    assert (await audited(connection, "sign_up:u3")).why == {"not offered yet": 1}
    assert await audit(connection, "sign_up:nobody", 10) is None


async def test_the_law_holds_of_an_event_whose_deliveries_are_held(connection: Connection) -> None:
    await a_run(connection, Caller(), 5)
    report = await verify(connection)

    assert report.holds
    (share,) = [share for (_, name), share in report.totals.shares.items() if name == NAME]
    assert (share.deliveries, share.states["held"]) == (5, 5)  # type: ignore[index]


async def test_what_is_to_be_told_later_waits_and_is_not_missing(deployment: Deployment) -> None:
    event = deployment.an_event("sign_up:u9")
    due = deployment.connection.clock.now() + timedelta(days=1)
    await deployment.events.insert([replace(event, due_at=due, deliver_at=due, revision=0)])
    found = await audited(deployment.connection, "sign_up:u9")
    assert (1, 1, 0) == (found.expected, found.waiting, found.missing)


async def test_one_that_was_told_at_more_places_than_were_acked_lacks_nobody(deployment: Deployment) -> None:
    """
    Its route was edited between a crash and the repeated offer.
    """
    (event,) = await deployment.accept("sign_up:u2")
    await deployment.queue.offer([a_delivery(event, "discord:9")])
    await deployment.take_over([event], ["discord:1"])
    found = await audited(deployment.connection, "sign_up:u2")
    assert (2, 2, 0) == (found.expected, found.waiting, found.missing)
