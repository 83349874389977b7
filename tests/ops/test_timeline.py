"""What is told of a fact's life, and what comes next."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from telemetry.core.channel import message_link, posted_at
from telemetry.core.clock import EPOCH
from telemetry.core.delivery import Delivery, State
from telemetry.core.event import Ack, Repeats
from telemetry.core.pause import Pause
from telemetry.ops.outlook import next_at, next_of
from telemetry.ops.timeline import timeline
from telemetry.store.attempts import Attempt
from telemetry.store.channels import Batch, Channel, batch_row
from telemetry.store.lanes import Shut
from tests.facts import a_delivery, an_event

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FIRST = replace(
    an_event("sign_up:u1"), time=NOON - MINUTE, received_at=NOON, source="web", acks={"discord": Ack(NOON + MINUTE, 1)}
)
ROW = a_delivery(FIRST, "discord:112233445566778899")
RESULT = {"channel_id": "112233445566778899", "message_id": "175928847299117063", "nonce": "n"}
CAME_AGAIN = "it came again, the last time of at least 4 (conflict 1, duplicate 3)"
DIFFERED = "the last other body differed in properties.plan"


def test_it_is_told_from_the_beginning_to_the_message() -> None:
    again = Repeats({"duplicate": 3, "conflict": 1}, NOON + 9 * MINUTE, ("properties.plan",))
    told = replace(ROW, state=State.DELIVERED, result=RESULT | {"guild_id": "7"})

    moments = timeline(replace(FIRST, repeats=again), {"discord": [told]}, [], [], {})

    posted = datetime(2016, 4, 30, 11, 18, 25, 796000, tzinfo=UTC)  # as Discord's API reference has it
    assert [(moment.at, moment.what) for moment in moments] == [
        (posted, f"{ROW.id}: posted"),
        (NOON - MINUTE, "it happened"),
        (NOON, "accepted from web, receipt r1"),
        (NOON + MINUTE, "discord took it over as 1 delivery"),
        (NOON + 9 * MINUTE, f"{CAME_AGAIN}; {DIFFERED}"),
    ]
    place = f"{RESULT['channel_id']}/{RESULT['message_id']}"
    assert moments[0].link == f"https://discord.com/channels/7/{place}"
    assert message_link(RESULT) == f"https://discord.com/channels/@me/{place}"


def test_a_result_without_a_message_has_no_link_and_no_time() -> None:
    deleted = {"message_id": None, "channel_id": "1", "note": "deleted in Discord"}
    assert (None, None) == (message_link(deleted), posted_at(deleted))
    assert (None, None) == (message_link({"status": 200}), posted_at({"status": 200}))
    assert posted_at({"message_id": "7", "channel_id": "1"}) is None


def test_tries_that_fail_in_the_same_way_are_told_once_and_the_last_time() -> None:
    def tried(minute: int, reason: str) -> Attempt:
        return Attempt(ROW.id, NOON + minute * MINUTE, "retry", reason, "bot-a", 20)

    moments = timeline(None, {}, [*(tried(n, "503") for n in range(12)), tried(12, "429"), tried(13, "503")], [], {})

    assert [(moment.at - NOON, moment.what.removeprefix(f"{ROW.id}: retry: ")) for moment in moments] == [
        (0 * MINUTE, "503"),
        (11 * MINUTE, "503, as 11 times before"),
        (12 * MINUTE, "429"),
        (13 * MINUTE, "503"),
    ]
    assert {moment.by for moment in moments} == {"bot-a, 20 ms"}


def test_what_is_on_its_way_is_told_with_who_sent_it_and_how_often() -> None:
    members = ((ROW.id, 0), ("sign_up:u2|discord:112233445566778899", 0))
    batch = Batch(members, "n", "author", NOON, NOON, NOON + MINUTE, tries=2)
    channel = Channel("112233445566778899", "bot-a", 3, NOON, batch)

    moments = timeline(None, {"discord": [ROW]}, [], [channel], {})

    said = f"{ROW.id}: set out for {ROW.destination}, 1 more with it"
    assert [(one.at, one.what, one.by) for one in moments] == [
        (NOON, said, "bot-a"),
        (NOON + MINUTE, f"{said}, try 2", "bot-a"),
    ]
    assert [] == timeline(None, {"discord": [replace(ROW, generation=1)]}, [], [channel], {})


def test_a_try_of_which_nobody_knows_what_came_of_it_is_told() -> None:
    attempt = batch_row(Batch(((ROW.id, 0),), "n", "author", NOON, NOON, NOON + MINUTE, tries=2))

    (moment,) = timeline(None, {"discord": [replace(ROW, state=State.PARKED, attempt=attempt)]}, [], [], {})

    assert (moment.at, moment.what) == (
        NOON + MINUTE,
        f"{ROW.id}: sent, 2 times by then, and nobody knows what came of it",
    )


def test_of_a_claimed_one_it_is_said_who_has_it_and_until_when() -> None:
    held = replace(ROW, state=State.LEASED, holder="courier-a", claims=3, ready_at=NOON + MINUTE)

    said = next_of(held, set(), {}, NOON)

    assert said.endswith(
        ": a courier has it now: courier-a, its claim 3; unless it is held longer, another may take it at 12:01:00 UTC"
    )
    assert next_at(None, [held], {}, {}, NOON) == NOON + MINUTE


def test_the_next_time_is_the_earliest_to_come() -> None:
    later = replace(ROW, ready_at=NOON + 5 * MINUTE)
    shut = {ROW.destination: Shut(NOON + 9 * MINUTE, "503")}
    dead = replace(ROW, state=State.DEAD, ready_at=NOON + MINUTE)

    assert next_at(FIRST, [later, dead], {}, {}, NOON) == NOON + 5 * MINUTE
    assert next_at(FIRST, [later], shut, {}, NOON) == NOON + 9 * MINUTE
    assert next_at(replace(FIRST, due_at=NOON + MINUTE), [later], {}, {}, NOON) == NOON + MINUTE
    assert next_at(None, [dead], {}, {}, NOON) is None


def test_nothing_is_to_be_done_before_a_pause_ends() -> None:
    later = replace(ROW, ready_at=NOON + 5 * MINUTE)

    def halted(until: datetime | None) -> datetime | None:
        return next_at(None, [later], {}, {ROW.id: Pause("ada", NOON, "", until)}, NOON)

    assert halted(None) is None
    assert halted(NOON + 9 * MINUTE) == NOON + 9 * MINUTE
    assert halted(NOON + 2 * MINUTE) == NOON + 5 * MINUTE


def test_what_is_parked_with_its_destination_comes_back_by_itself_and_is_said_to() -> None:
    parked = replace(ROW, state=State.PARKED, reason="Missing Access", scope="channel")
    shut = {ROW.destination: Shut(NOON + 9 * MINUTE, "Missing Access")}

    said = f": parked: Missing Access; it comes back by itself with {ROW.destination}"
    assert next_of(parked, set(), shut, NOON).endswith(f"{said}, which is tried again at 12:09:00 UTC")
    assert next_at(None, [parked], shut, {}, NOON) == NOON + 9 * MINUTE
    assert next_of(parked, set(), {}, NOON).endswith(said)
    assert next_at(None, [parked], {}, {}, NOON) is None
    alone = replace(parked, scope=None)
    assert f"act on it, then `tellonce retry '{ROW.id}'`" in next_of(alone, set(), shut, NOON)
    assert next_at(None, [alone], shut, {}, NOON) is None


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            replace(ROW, state=State.SKIPPED, reason="cancelled by ada: too late"),
            "left out: cancelled by ada: too late",
        ),
        (replace(ROW, state=State.PARKED, reason="Missing Access"), "parked: Missing Access"),
        (replace(ROW, state=State.DEAD, reason="50035"), "dead: 50035"),
        (replace(ROW, state=State.DELIVERED, result={"status": 200}), "delivered"),
    ],
)
def test_when_it_came_to_stand_or_ended_is_told_unless_a_try_tells(row: Delivery, said: str) -> None:
    row = replace(row, since=NOON + MINUTE)

    (moment,) = timeline(None, {"discord": [row]}, [], [], {})

    assert (moment.at, moment.what) == (NOON + MINUTE, f"{ROW.id}: {said}")
    tried = Attempt(ROW.id, NOON + MINUTE, row.state.value, row.reason or "", "bot-a")
    assert 1 == len(timeline(None, {"discord": [row]}, [tried], [], {}))
    posted = replace(row, state=State.DELIVERED, result=RESULT)
    assert [f"{ROW.id}: posted"] == [one.what for one in timeline(None, {"discord": [posted]}, [], [], {})]


def test_what_a_restored_backup_leaves_open_is_no_sending() -> None:
    attempt = batch_row(Batch(((ROW.id, 0),), "n", "", NOON, EPOCH, NOON + MINUTE, tries=2))

    (moment,) = timeline(None, {"discord": [replace(ROW, attempt=attempt)]}, [], [], {})

    said = "a backup was put back: it may have been posted since 2026-11-27 12:00:00 UTC, and is looked for first"
    assert (moment.at, moment.what) == (NOON + MINUTE, f"{ROW.id}: {said}")
