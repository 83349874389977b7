"""The package `segment-analytics-python`, unmodified, posts to ingest."""

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from segment.analytics.client import Client
from segment.analytics.request import post

from tests.ingest.dialects.conftest import SECRET, Bench, Benches, Confirmations, Discretion, in_thread, sent

Making = Callable[..., Client]


@pytest.fixture
def making() -> Iterator[Making]:
    """Make clients of an ingest, that tell `errors` what they were refused."""
    clients = []

    def make(bench: Bench, key: str = SECRET, **options: Any) -> Client:
        client = Client(key, host=bench.url, upload_interval=0.05, **options)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.join()


@pytest.fixture
def errors() -> list[Any]:
    """What a client was refused."""
    return []


async def test_every_call_is_an_event_under_its_message_id(benches: Benches, making: Making) -> None:
    async with benches() as bench:
        client = making(bench, gzip=True)
        await sent(
            client,
            partial(client.track, "u1", "upgraded", {"plan": "pro"}, anonymous_id="a1", message_id="m1"),
            partial(client.identify, "u1", {"name": "Ada"}, message_id="m2"),
            partial(client.page, "u1", "docs", "start", message_id="m3"),
            partial(client.screen, anonymous_id="a1", name="home", message_id="m4"),
            partial(client.group, "u1", "acme", message_id="m5"),
            partial(client.alias, "a1", "u1", message_id="m6"),
        )
        events = await bench.stored()
    kinds = ("upgraded", "identify", "page", "screen", "group", "alias")
    assert [f"{kind}:shop:m{number}" for number, kind in enumerate(kinds, 1)] == [event.key for event in events]
    assert {"plan": "pro", "$anonymous_id": "a1"}.items() <= events[0].properties.items()
    assert "analytics-python" == events[0].properties["$context"]["library"]["name"]
    assert "Ada" == events[1].properties["name"]
    assert {"$category": "docs", "$name": "start"}.items() <= events[2].properties.items()
    assert "a1" == events[3].distinct_id
    assert "acme" == events[4].properties["$group_id"]
    assert "a1" == events[5].properties["$previous_id"]


async def test_a_types_policy_comes_before_the_message_id(benches: Benches, making: Making) -> None:
    async with benches() as bench:
        client = making(bench)
        await sent(client, *[partial(client.track, "u1", "sign_up")] * 3)
        assert ["sign_up:u1"] == [event.key for event in await bench.stored()]


async def test_a_batch_is_sent_again_after_an_answer_that_confirms_nothing_and_stored_once(
    benches: Benches, making: Making, unconfirmed: Confirmations, errors: list[Any]
) -> None:
    async with benches() as bench:
        client = making(bench, on_error=lambda error, _: errors.append(error))
        await sent(client, *[partial(client.track, f"u{number}", "upgraded") for number in range(3)])
        assert 3 == len(await bench.stored())
    tries = [status for statuses in unconfirmed.statuses for status in statuses]
    # How many calls go in one batch is a matter of its clock.
    assert 3 == tries.count("accepted")
    assert "duplicate" in tries
    assert [] == errors


async def test_a_wrong_write_key_is_told_once_and_never_tried_again(
    benches: Benches, making: Making, errors: list[Any]
) -> None:
    async with benches() as bench:
        client = making(bench, "wrong", on_error=lambda error, _: errors.append(error))
        await sent(client, partial(client.track, "u1", "upgraded"))
        (error,) = errors
        assert (401, "invalid_write_key") == (error.status, error.code)
        assert "write key: expected a key of this ingest" in error.message
        assert [] == await bench.stored()


async def test_what_is_invalid_does_not_hold_back_the_rest_nor_come_again(
    benches: Benches, making: Making, errors: list[Any]
) -> None:
    good, bad = ({"type": "track", "event": "upgraded", "userId": who, "messageId": f"m{who}"} for who in ("u1", ""))
    async with benches() as bench:
        answer = await in_thread(lambda: post(SECRET, bench.url, batch=[good, bad]))
        expected = {"success": True, "rejected": [{"index": 1, "message": "distinct_id: required"}]}
        assert expected == answer.json()
        client = making(bench, on_error=lambda error, _: errors.append(error))
        await sent(client, partial(client.track, "u2", "upgraded", {"n": 2**64}))
        (error,) = errors
        assert (400, True) == (error.status, "properties.n: an integer beyond 64 bits" in error.message)
        assert ["u1"] == [event.distinct_id for event in await bench.stored()]


async def test_single_calls_say_by_their_path_what_they_are(benches: Benches) -> None:
    header = f"Basic {base64.b64encode(f'{SECRET}:'.encode()).decode()}"
    async with benches() as bench:
        call = {"userId": 42, "messageId": "m1", "event": "upgraded", "originalTimestamp": "2026-01-02T03:04:05.678Z"}
        assert (200, {"success": True}) == await bench.post("/v1/track", call, Authorization=header)
        call = {"anonymousId": "a1", "messageId": "m2", "type": "track", "writeKey": SECRET}
        assert (200, {"success": True}) == await bench.post("/v1/page", call)
        first, second = await bench.stored()
    assert ("upgraded", "42", "2026-01-02T03:04:05.678000+00:00") == (
        first.type,
        first.distinct_id,
        first.time.isoformat(),
    )
    assert ("page", "a1") == (second.type, second.distinct_id)


UNREADABLE: list[tuple[Any, int, str]] = [
    (b"{", 400, "not JSON"),
    ([], 400, "expected an object"),
    ({}, 400, "batch: expected an array"),
    (b'{"batch": [], "batch": []}', 400, "'batch': given twice"),
    ({"batch": [{}] * 2501}, 413, "at most 2500 events"),
    ({"batch": ["text"]}, 400, "expected an object with"),
    (b'{"batch": [{"type": "track", "type": "page"}]}', 400, "'type' is given twice"),
    (b'{"batch": [{"type": "page", "userId": "u", "properties": {"a": 1, "a": 2}}]}', 400, "'a' is given twice"),
    (b" " * (1024**2 + 1), 413, "1048576 bytes"),
]


async def test_what_cannot_be_read_is_refused_for_good(benches: Benches) -> None:
    header = f"Bearer {SECRET}"
    async with benches() as bench:
        for body, status, said in UNREADABLE:
            got, answer = await bench.post("/v1/batch", body, Authorization=header)
            assert (status, False, True) == (got, answer["success"], said in answer["message"]), (body, answer)
        assert (200, {"success": True}) == await bench.post("/v1/batch", {"batch": []}, Authorization=header)
        assert 401 == (await bench.post("/v1/batch", {"batch": []}, Authorization="Basic ä"))[0]


async def test_no_write_key_reaches_a_row_or_the_log(
    benches: Benches, making: Making, capsys: pytest.CaptureFixture[str]
) -> None:
    for keys in (f"shop:{SECRET}", ""):
        async with benches(ingest_keys=keys) as bench:
            client = making(bench)
            await sent(client, *[partial(client.track, "u1", "sign_up")] * 2)
            body = {"writeKey": SECRET, "batch": [{"type": "track", "event": "sign_up", "userId": "u2"}]}
            zipped = gzip.compress(json.dumps(body).encode())
            assert 200 == (await bench.post("/v1/batch", zipped, Content_Encoding="gzip"))[0]
            assert 2 == len(await bench.stored())
            assert await Discretion(bench, capsys).holds()
