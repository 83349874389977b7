"""Taking an event back before it is told."""

from dataclasses import replace
from datetime import timedelta

from telemetry.ops.cancel import cancel_event
from telemetry.ops.explain import explain
from telemetry.ops.judgement import Kind
from telemetry.ops.status import read_status
from telemetry.ops.verify import verify
from telemetry.store.deferred import Deferred
from tests.ops.deployment import CONSUMER, Deployment

KEY = "sign_up:u1"


async def a_reminder(deployment: Deployment) -> None:
    """Have an event wait until tomorrow."""
    event = deployment.an_event(KEY)
    due = deployment.connection.clock.now() + timedelta(days=1)
    await deployment.events.insert([replace(event, due_at=due, deliver_at=due, revision=0)])


async def test_a_cancelled_event_is_owed_to_nobody_and_the_sums_say_so(deployment: Deployment) -> None:
    await a_reminder(deployment)
    done = await cancel_event(deployment.connection, KEY, "ada", "not needed")
    assert "cancelled" == done.outcome
    report = await verify(deployment.connection)
    assert report.holds
    sums = report.totals.shares["sign_up", CONSUMER]
    assert (1, 0, 0, 0) == (sums.cancelled, sums.owed, sums.acked, sums.not_owed)


async def test_one_that_was_told_although_cancelled_is_a_breach(deployment: Deployment) -> None:
    await a_reminder(deployment)
    await cancel_event(deployment.connection, KEY, "ada", "not needed")
    await deployment.take_over([deployment.an_event(KEY)])
    assert Kind.CANCELLED in (await verify(deployment.connection)).breaches


async def test_what_has_fired_or_is_told_at_once_is_too_late_to_cancel(deployment: Deployment) -> None:
    await a_reminder(deployment)
    (event,) = await deployment.events.fetch([KEY])
    await Deferred(deployment.connection).fire([event])
    await deployment.accept("sign_up:u2")
    for key in (KEY, "sign_up:u2"):
        assert "too_late" == (await cancel_event(deployment.connection, key, "ada", "oh")).outcome


async def test_what_nobody_knows_cannot_be_cancelled(deployment: Deployment) -> None:
    assert "unknown" == (await cancel_event(deployment.connection, "sign_up:nobody", "ada", "oh")).outcome


async def test_cancelling_twice_is_harmless(deployment: Deployment) -> None:
    await a_reminder(deployment)
    for reason in ("first", "second"):
        done = await cancel_event(deployment.connection, KEY, "ada", reason)
    assert done.event is not None
    assert done.event.cancelled is not None
    assert ("cancelled", "first") == (done.outcome, done.event.cancelled.reason)


async def test_status_tells_what_is_due_from_what_comes_later(deployment: Deployment) -> None:
    await a_reminder(deployment)
    await deployment.accept("sign_up:u2")
    (row,) = (await read_status(deployment.connection)).consumers
    assert (1, 1) == (row.owed, row.later)


async def test_explain_says_when_it_is_told_and_who_took_it_back(deployment: Deployment) -> None:
    await a_reminder(deployment)
    before = await explain(deployment.connection, KEY)
    await cancel_event(deployment.connection, KEY, "ada", "not needed")
    after = await explain(deployment.connection, KEY)
    assert before is not None
    assert after is not None
    assert "takes it back" in before.ahead[0]
    assert "a higher revision opens it again" in after.ahead[0]
    assert "cancelled by ada: not needed" in [moment.what for moment in after.timeline]
