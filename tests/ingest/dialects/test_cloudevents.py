"""The package `cloudevents`, unmodified, makes what is posted to ingest."""

import gzip
import json
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary_event, to_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v03.event import CloudEvent as OldCloudEvent
from cloudevents.core.v1.event import CloudEvent

from telemetry.ingest.dialects.cloudevents import identity
from tests.ingest.dialects.conftest import SECRET, Bench, Benches, Confirmations, Discretion

KEY = {"Authorization": f"Bearer {SECRET}"}
BATCH = "application/cloudevents-batch+json"
STRUCTURED = "application/cloudevents+json"


def an_event(number: int = 1, data: Any = None, **attributes: Any) -> CloudEvent:
    """Make an event with the package."""
    said = {"id": f"n{number}", "source": "/shop", "type": "com.example.upgraded", "subject": "u1"} | attributes
    return CloudEvent({name: value for name, value in said.items() if value is not None}, data)


async def send(bench: Bench, message: HTTPMessage, **headers: str) -> tuple[int, Any]:
    """Send what the package has made, as its own guide does: by a client of one's choice."""
    kind = message.headers.get("content-type", "application/json")
    others = {name: value for name, value in message.headers.items() if name != "content-type"}
    return await bench.post("/cloudevents", message.body, kind, **others | KEY | headers)


async def test_all_three_modes_of_an_event_are_one_fact(benches: Benches) -> None:
    event = an_event(data={"plan": "pro"}, datacontenttype="application/json", comexampleregion="eu west")
    async with benches() as bench:
        _, first = await send(bench, to_structured_event(event))
        _, again = await send(bench, to_binary_event(event))
        batch = b"[%s]" % JSONFormat().write(event)
        _, batched = await bench.post("/cloudevents", batch, BATCH, **KEY)
        (stored,) = await bench.stored()
    statuses = [answer["results"][0]["status"] for answer in (first, again, batched)]
    assert ["accepted", "duplicate", "duplicate"] == statuses
    assert ("com.example.upgraded:shop:/shop n1", "u1") == (stored.key, stored.distinct_id)
    assert {"plan": "pro", "$source": "/shop", "$comexampleregion": "eu west"} == stored.properties
    assert str(event.get_time())[:23] == str(stored.time)[:23]


async def test_source_and_id_together_are_the_identity(benches: Benches) -> None:
    async with benches() as bench:
        for source, name in (("/a", "b"), ("/a%20b", "c"), ("/b", "b"), ("/a", "b c"), ("/a", "b%20c")):
            event = an_event(id=name, source=source)
            assert 202 == (await send(bench, to_binary_event(event)))[0]
            assert "duplicate" == (await send(bench, to_structured_event(event)))[1]["results"][0]["status"]
        assert 5 == len(await bench.stored())
    assert identity("a b", "c") != identity("a", "b c")
    assert identity("a%20b", "c") != identity("a b", "c")


async def test_a_source_as_long_as_clouds_make_them_is_an_identity_too(benches: Benches) -> None:
    source = f"/subscriptions/{'s' * 36}/resourceGroups/{'g' * 90}/providers/Microsoft.EventGrid/topics/{'t' * 50}"
    good = json.loads(JSONFormat().write(an_event())) | {"source": source, "subject": "u1"}
    one, other = (good | {"id": f"{'i' * 36}{number}"} for number in range(2))
    async with benches() as bench:
        status, answer = await bench.post("/cloudevents", [one, one, other], BATCH, **KEY)
        assert (202, [2, 1]) == (status, [answer["accepted"], answer["duplicates"]])


async def test_a_types_policy_comes_before_the_identity_and_the_source_stands_in_for_a_subject(
    benches: Benches,
) -> None:
    async with benches() as bench:
        for number in range(2):
            await send(bench, to_binary_event(an_event(number, type="sign_up", subject=None)))
        (stored,) = await bench.stored()
        assert ("sign_up:/shop", "/shop") == (stored.key, stored.distinct_id)


async def test_what_binary_mode_says_in_headers_is_read_as_it_was_meant(benches: Benches) -> None:
    async with benches() as bench:
        await send(bench, to_binary_event(an_event(1, {"n": 1}, subject="Zoë & co, 100%")))
        await send(bench, to_binary_event(an_event(2, "plain text", datacontenttype="text/plain")))
        await send(bench, to_binary_event(an_event(3, b"\xff\x00", datacontenttype="image/x")))
        await send(bench, to_binary_event(an_event(4, b"[1, 2]", datacontenttype="application/problem+json")))
        quoted = to_binary_event(an_event(5))
        await send(bench, quoted, ce_subject='"a \\"b\\""')
        await send(bench, to_structured_event(an_event(6, b"\xff\x00", datacontenttype="image/x")))
        old = {"id": "n7", "source": "/shop", "type": "upgraded", "subject": "u1"}
        await send(bench, to_structured_event(OldCloudEvent(old, b"\xff\x00")))
        status, answer = await send(bench, quoted, ce_subject="%ff")
        assert (400, True) == (status, "ce-subject: not UTF-8" in answer["error"])
        events = await bench.stored()
    assert ["Zoë & co, 100%", "u1", "u1", "u1", 'a "b"', "u1", "u1"] == [event.distinct_id for event in events]
    data = [{name: value for name, value in event.properties.items() if name != "$source"} for event in events]
    image = {"data_base64": "/wA="}
    assert [{"n": 1}, {"data": "plain text"}, image, {"data": [1, 2]}, {}, image, image] == data


MISSING = [
    ({"id": ""}, "id: required"),
    ({"source": None}, "source: required"),
    ({"type": 7}, "type: required"),
    ({"specversion": "2.0"}, "specversion: expected 1.0 or 0.3"),
    ({"time": "yesterday"}, "time: "),
    ({"subject": "x" * 300}, "distinct_id: "),
]


@pytest.mark.parametrize(("wrong", "said"), MISSING)
async def test_a_batch_is_answered_for_each_event_and_what_is_wrong_is_named_counted_and_logged(
    benches: Benches, wrong: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    good = json.loads(JSONFormat().write(an_event()))
    async with benches() as bench:
        status, answer = await bench.post("/cloudevents", [good | wrong, good, "text"], BATCH, **KEY)
        assert 202 == status
        assert ["rejected", "accepted", "rejected"] == [result["status"] for result in answer["results"]]
        assert answer["results"][0]["error"].startswith(said)
        status, answer = await bench.post("/cloudevents", good | wrong, STRUCTURED, **KEY)
        assert (422, True) == (status, answer["error"].startswith(said))
        assert 2 == "".join(capsys.readouterr()).count("ingest.rejected")
        samples = (await bench.producer.get("/metrics"))[1].splitlines()
        assert 'tellonce_ingest_events_total{status="rejected",type="other"} 3.0' in samples


async def test_what_cannot_be_read_is_refused_saying_what_is_expected(benches: Benches) -> None:
    async with benches() as bench:
        for body, kind, status, said in (
            ({}, "application/json", 415, "application/cloudevents+json"),
            ({}, BATCH, 400, "body: expected an array"),
            (b"{", STRUCTURED, 400, "not JSON"),
            ([{}] * 1001, BATCH, 413, "at most 1000"),
            (gzip.compress(b" " * 2_000_000), STRUCTURED, 413, "1048576 bytes"),
        ):
            zipped = {"Content_Encoding": "gzip"} if isinstance(body, bytes) and status == 413 else {}
            got, answer = await bench.post("/cloudevents", body, kind, **KEY | zipped)
            assert (status, True) == (got, said in answer["error"])


async def test_after_an_answer_that_confirms_nothing_the_same_event_is_a_duplicate(
    benches: Benches, unconfirmed: Confirmations
) -> None:
    event = to_binary_event(an_event())
    async with benches() as bench:
        assert 503 == (await send(bench, event))[0]
        assert "duplicate" == (await send(bench, event))[1]["results"][0]["status"]
        assert 1 == len(await bench.stored())


async def test_without_a_key_or_with_a_wrong_one_nothing_is_taken_and_a_right_one_is_kept_nowhere(
    benches: Benches, capsys: pytest.CaptureFixture[str]
) -> None:
    async with benches() as bench:
        for wrong in ("", "Bearer wrong", f"Basic {SECRET}"):
            status, answer = await send(bench, to_structured_event(an_event()), Authorization=wrong)
            assert (401, True) == (status, "expected `Bearer`" in answer["error"])
        assert [] == await bench.stored()
        await send(bench, to_binary_event(an_event()))
        assert await Discretion(bench, capsys).holds()
