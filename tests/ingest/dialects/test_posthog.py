"""The package `posthog`, unmodified, posts to ingest."""

import gzip
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from posthog import Posthog

from tests.ingest.dialects.conftest import SECRET, Bench, Benches, Confirmations, Discretion, in_thread, sent

Making = Callable[..., Posthog]
FIRST, SECOND = str(UUID(int=1)), str(UUID(int=2))
V0, V1 = "v0", "v1"


@pytest.fixture
def making() -> Iterator[Making]:
    """Make clients of an ingest."""
    clients = []

    def make(bench: Bench, key: str = SECRET, **options: Any) -> Posthog:
        client = Posthog(key, host=bench.url, **{"flush_interval": 0.05} | options)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.shutdown()


@pytest.fixture
def errors() -> list[Any]:
    """What a client was refused."""
    return []


@pytest.mark.parametrize("mode", [V0, V1])
async def test_what_is_captured_is_stored_under_its_uuid(benches: Benches, making: Making, mode: str) -> None:
    async with benches() as bench:
        client = making(bench, capture_mode=mode, gzip=True)
        await sent(
            client,
            partial(client.capture, "upgraded", distinct_id="u1", properties={"plan": "pro"}, uuid=FIRST),
            partial(client.set, distinct_id="u1", properties={"name": "Ada"}),
            partial(client.group_identify, "company", "acme", {"size": 3}, distinct_id="u1"),
            partial(client.alias, "a1", "u1"),
        )
        events = await bench.stored()
    assert ["upgraded", "$set", "$groupidentify", "$create_alias"] == [event.type for event in events]
    assert (f"upgraded:shop:{FIRST}", "u1") == (events[0].key, events[0].distinct_id)
    assert "pro" == events[0].properties["plan"]
    assert {"name": "Ada"} == events[1].properties["$set"]
    assert mode == V1 or "posthog-python" == events[0].properties["$lib"]


async def test_a_types_policy_comes_before_the_uuid(benches: Benches, making: Making) -> None:
    async with benches() as bench:
        client = making(bench)
        await sent(client, *[partial(client.capture, "sign_up", distinct_id="u1")] * 3)
        assert ["sign_up:u1"] == [event.key for event in await bench.stored()]


@pytest.mark.parametrize("mode", [V0, V1])
async def test_a_batch_is_sent_again_after_an_answer_that_confirms_nothing_and_stored_once(
    benches: Benches, making: Making, unconfirmed: Confirmations, errors: list[Any], mode: str
) -> None:
    async with benches() as bench:
        client = making(bench, capture_mode=mode, on_error=lambda error, _: errors.append(error))
        await sent(client, partial(client.capture, "upgraded", distinct_id="u1"))
        assert ([["accepted"], ["duplicate"]], []) == (unconfirmed.statuses, errors)
        assert 1 == len(await bench.stored())


@pytest.mark.parametrize("mode", [V0, V1])
async def test_a_wrong_key_is_told_once_and_never_tried_again(
    benches: Benches, making: Making, errors: list[Any], mode: str
) -> None:
    async with benches() as bench:
        client = making(bench, "wrong", capture_mode=mode, on_error=lambda error, _: errors.append(error))
        await sent(client, partial(client.capture, "upgraded", distinct_id="u1"))
        (error,) = errors
        assert (401, True) == (error.status, "api_key: expected a key of this ingest" in error.message)
        assert [] == await bench.stored()


async def test_what_is_invalid_does_not_hold_back_the_rest_nor_come_again(
    benches: Benches, making: Making, errors: list[Any]
) -> None:
    async with benches() as bench:
        client = making(bench, on_error=lambda error, _: errors.append(error))
        await sent(client, partial(client.capture, "upgraded", distinct_id="u1", properties={"n": 2**64}))
        (error,) = errors
        assert (400, True) == (error.status, "properties.n: an integer beyond 64 bits" in error.message)
        good, bad = ({"event": "upgraded", "distinct_id": who, "uuid": FIRST} for who in ("u1", ""))
        status, answer = await bench.post("/batch/", {"api_key": SECRET, "batch": [good, bad]})
        expected = {"status": 1, "rejected": [{"index": 1, "message": "distinct_id: required"}]}
        assert (200, expected) == (status, answer)
        assert ["u1"] == [event.distinct_id for event in await bench.stored()]


async def test_the_form_that_answers_by_event_names_what_was_dropped(
    benches: Benches, making: Making, errors: list[Any]
) -> None:
    async with benches() as bench:
        # All in one batch, whatever the clock says.
        client = making(bench, capture_mode=V1, flush_interval=60, on_error=lambda error, _: errors.append(error))
        good, bad = ({"uuid": FIRST}, {"uuid": SECOND, "properties": {"n": 2**64}})
        await sent(client, *[partial(client.capture, "upgraded", distinct_id="u1", **said) for said in (good, bad)])
        (error,) = errors
        assert [(SECOND, "properties.n: an integer beyond 64 bits")] == error.drops
        assert [f"upgraded:shop:{FIRST}"] == [event.key for event in await bench.stored()]
        changed = {"event": "upgraded", "uuid": FIRST, "distinct_id": "u2"}
        _, answer = await bench.post("/i/v1/analytics/events", {"batch": [changed]}, Authorization=f"Bearer {SECRET}")
        assert ("warning", True) == (answer["results"][FIRST]["result"], "distinct_id" in str(answer))


async def test_flags_are_none_and_their_client_is_not_kept_waiting(benches: Benches, making: Making) -> None:
    async with benches() as bench:
        flags = await in_thread(lambda: making(bench).evaluate_flags("u1"))
        assert [] == flags.keys
        status, answer = await bench.post("/decide/?v=3", {"api_key": SECRET, "distinct_id": "u1"})
        assert (200, {}, False) == (status, answer["featureFlags"], answer["errorsWhileComputingFlags"])
        assert 401 == (await bench.post("/flags/?v=2", {"distinct_id": "u1"}))[0]


async def test_every_older_path_takes_one_event_or_many(benches: Benches) -> None:
    async with benches() as bench:
        for number, path in enumerate(("/capture/", "/e/", "/i/v0/e/", "/i/v0/ai/batch/", "/batch")):
            one = {"event": "upgraded", "distinct_id": "u1", "uuid": f"i{number}", "api_key": SECRET}
            assert (200, {"status": 1}) == await bench.post(path, one)
        within = {"event": "upgraded", "uuid": "i5", "properties": {"distinct_id": "u2", "token": SECRET, "n": 1}}
        assert (200, {"status": 1}) == await bench.post("/e", [within])
        *_, last = await bench.stored()
        assert ("u2", {"n": 1}) == (last.distinct_id, last.properties)
        assert 401 == (await bench.post("/e", [{"event": "upgraded", "distinct_id": "u1"}]))[0]


async def test_a_batch_may_be_as_large_as_the_client_sends_it(benches: Benches, making: Making) -> None:
    async with benches() as bench:
        client = making(bench, flush_at=200, gzip=True)
        large = {"text": "x" * 50_000}
        await sent(client, *[partial(client.capture, "upgraded", distinct_id="u1", properties=large)] * 120)
        assert 120 == len(await bench.stored())
        bomb = gzip.compress(b" " * (20 * 1024**2 + 1))
        assert 413 == (await bench.post("/batch/", bomb, Content_Encoding="gzip"))[0]


async def test_no_key_reaches_a_row_or_the_log(
    benches: Benches, making: Making, capsys: pytest.CaptureFixture[str]
) -> None:
    for keys in (f"shop:{SECRET}", ""):
        async with benches(ingest_keys=keys) as bench:
            for mode in (V0, V1):
                client = making(bench, capture_mode=mode)
                properties = {"token": SECRET, "api_key": SECRET, "plan": "pro"}
                await sent(client, *[partial(client.capture, "sign_up", distinct_id="u1", properties=properties)] * 2)
            (event,) = await bench.stored()
            assert "pro" == event.properties["plan"]
            assert await Discretion(bench, capsys).holds()
