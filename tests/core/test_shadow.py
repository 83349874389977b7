"""What another key policy would have made of events that are past."""

import tracemalloc
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from telemetry.core.key import PER_OCCURRENCE, KeyPolicy
from telemetry.core.shadow import MOST_SAMPLES, Seen, Shadow

BY_PERSON = KeyPolicy(("distinct_id",))
BY_BADGE = KeyPolicy(("distinct_id", "properties.badge"))
EACH = KeyPolicy.parse(PER_OCCURRENCE)
NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def sent(who: str, *, insert_id: str | None = None, **properties: Any) -> dict[str, Any]:
    return {"event": "badge", "distinct_id": who, "properties": properties, "insert_id": insert_id}


def tried(shadow: Shadow, *events: dict[str, Any]) -> Shadow:
    """Take events, then look at them again for the samples' sake."""
    seen = [
        shadow.see(shadow.key(claims, "web"), claims, "web", at=None, place=f"line {number}")
        for number, claims in enumerate(events, 1)
    ]
    return taken(shadow, seen)


def taken(shadow: Shadow, seen: Iterable[Seen]) -> Shadow:
    seen = list(seen)
    for event in seen:
        shadow.take(event)
    any(shadow.recall(event) for event in seen)
    return shadow


def test_a_coarser_key_suppresses_what_a_finer_one_told() -> None:
    events = sent("u1", badge="a"), sent("u1", badge="b"), sent("u1", badge="b"), sent("u2", badge="a")

    shadow = tried(Shadow("badge", BY_BADGE, BY_PERSON), *events)

    assert (shadow.events, shadow.facts, shadow.facts_after) == (4, 3, 2)
    assert (shadow.suppressed, shadow.groups, shadow.split) == (1, 1, 0)
    (sample,) = shadow.samples
    assert sample.first is not None
    assert (sample.first.before, sample.event.before, sample.event.after) == ("badge:u1:a", "badge:u1:b", "badge:u1")
    assert (sample.first.place, sample.event.place, sample.differs) == ("line 1", "line 2", ["properties.badge"])


def test_a_finer_key_tells_what_a_coarser_one_blocked() -> None:
    events = sent("u1", badge="a"), sent("u1", badge="b", level=2), sent("u1", badge="b")

    shadow = tried(Shadow("badge", BY_PERSON, BY_BADGE), *events)

    assert (shadow.facts, shadow.facts_after, shadow.suppressed, shadow.split) == (1, 2, 0, 1)
    (sample,) = shadow.samples
    assert sample.first is not None
    assert (sample.came, sample.first.after, sample.event.after) == ("split", "badge:u1:a", "badge:u1:b")
    assert sample.differs == ["properties.badge", "properties.level"]


def test_another_key_may_do_both() -> None:
    by_name = KeyPolicy(("properties.badge",))
    events = sent("u1", badge="a"), sent("u2", badge="a"), sent("u1", badge="b")

    shadow = tried(Shadow("badge", BY_PERSON, by_name), *events)

    assert (shadow.facts, shadow.facts_after, shadow.suppressed, shadow.split) == (2, 2, 1, 1)


def test_what_lacks_a_part_of_the_new_key_would_be_refused() -> None:
    events = sent("u1", badge="a"), sent("u1"), sent("", badge="a"), sent("u2", badge=1.5)

    shadow = tried(Shadow("badge", BY_PERSON, BY_BADGE), *events)

    assert dict(shadow.refused) == {"properties.badge": 2}
    assert shadow.keyless == 1
    assert [sample.event.why.partition(",")[0] for sample in shadow.samples] == [
        "properties.badge: required",
        "properties.badge: expected text or an integer",
    ]


def test_what_is_refused_today_may_be_taken() -> None:
    shadow = tried(Shadow("badge", EACH, BY_PERSON), sent("u1"), sent("u1", insert_id="i1"), sent("u2", insert_id="i2"))

    assert (shadow.taken, shadow.facts, shadow.facts_after, shadow.suppressed) == (1, 2, 2, 1)
    assert shadow.samples[0].first is not None
    assert shadow.samples[0].first.before is None


def test_without_a_policy_to_compare_with_a_fact_is_its_id_or_its_body() -> None:
    events = sent("u1", badge="a"), sent("u1", badge="a"), sent("u1", badge="b"), sent("u1", insert_id="i1")

    shadow = tried(Shadow("badge", None, BY_PERSON), *events)

    assert (shadow.facts, shadow.facts_after, shadow.suppressed) == (3, 1, 2)


def test_of_two_stored_facts_the_one_that_came_first_would_have_stood() -> None:
    shadow = Shadow("badge", BY_BADGE, BY_PERSON, stored=True)
    later = shadow.see("badge:u1:a", sent("u1", badge="a"), "web", at=NOON + timedelta(hours=1))
    earlier = shadow.see("badge:u1:b", sent("u1", badge="b"), "web", at=NOON)

    (sample,) = taken(shadow, [later, earlier]).samples

    assert (sample.first, sample.event) == (earlier, later)


def test_a_stored_fact_says_whether_what_came_again_would_have_been_another_one() -> None:
    shadow = Shadow("badge", BY_PERSON, KeyPolicy(("distinct_id", "properties.badge.name")), stored=True)
    claims = sent("u1", badge={"name": "a"})
    seen = [
        shadow.see(f"badge:u{number}", claims | {"distinct_id": f"u{number}"}, "web", at=NOON, differed=names)
        for number, names in enumerate([("properties.badge",), ("properties.badger", "properties.level"), ()])
    ]

    assert taken(shadow, seen).contradicted == 1


def test_of_many_only_the_first_are_named_and_all_are_counted() -> None:
    shadow = tried(Shadow("badge", BY_BADGE, BY_PERSON), *(sent("u1", badge=f"b{n}") for n in range(100)))

    assert (shadow.suppressed, shadow.groups, len(shadow.samples)) == (99, 1, MOST_SAMPLES)
    assert not shadow.wants


def test_of_an_event_at_most_150_bytes_are_kept() -> None:
    shadow, number = Shadow("badge", BY_BADGE, BY_PERSON, stored=True), 20_000
    tracemalloc.start()
    for n in range(number):
        shadow.take(shadow.see(f"badge:u{n}:a", sent(f"u{n}", badge="a", text="x" * 500), "web", at=NOON))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert shadow.facts_after == number
    assert kept / number <= 150


def test_what_is_counted_per_occurrence_cannot_be_told_from_what_is_stored() -> None:
    assert Shadow("badge", BY_PERSON, EACH, stored=True).blind
    assert not Shadow("badge", BY_PERSON, EACH).blind
