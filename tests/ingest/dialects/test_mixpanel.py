"""The package `mixpanel`, unmodified, posts to ingest."""

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from mixpanel import BufferedConsumer, Consumer, Mixpanel, MixpanelException, ServiceAccountCredentials

from tests.ingest.dialects.conftest import OTHER, SECRET, Benches, Confirmations, Discretion, in_thread

BASIC = f"Basic {base64.b64encode(f'robot:{SECRET}'.encode()).decode()}"
FORM = "application/x-www-form-urlencoded"

Making = Callable[..., Mixpanel]


@pytest.fixture
def making() -> Iterator[Making]:
    """Make clients of an ingest."""
    sessions = []

    def make(
        url: str, token: str = SECRET, buffered: bool = False, credentials: Any = None, **options: Any
    ) -> Mixpanel:
        paths = {"events": "track", "people": "engage", "import": "import", "groups": "groups"}
        options |= {f"{name}_url": f"{url}/{path}" for name, path in paths.items()} | {"credentials": credentials}
        consumer = BufferedConsumer(**options) if buffered else Consumer(**options)
        session = (consumer._consumer if buffered else consumer)._session
        # The package tries again by HTTPS only; the way it does that is the same.
        session.mount("http://", session.get_adapter("https://"))
        sessions.append(session)
        return Mixpanel(token, consumer, credentials=credentials)

    yield make
    for session in sessions:
        session.close()


async def test_what_is_tracked_is_stored_under_its_own_id(benches: Benches, making: Making) -> None:
    async with benches() as bench:
        client = making(bench.url)
        properties = {"plan": "pro", "$insert_id": "i1", "time": 1_700_000_000}
        await in_thread(lambda: client.track("u1", "upgraded", properties))
        (event,) = await bench.stored()
    assert ("upgraded:shop:i1", "u1", "shop") == (event.key, event.distinct_id, event.source)
    assert {"plan": "pro", "mp_lib": "python"}.items() <= event.properties.items()
    assert not {"token", "$insert_id", "time", "distinct_id"} & event.properties.keys()
    assert 1_700_000_000 == event.time.timestamp()


async def test_a_types_policy_comes_before_the_clients_own_id(benches: Benches, making: Making) -> None:
    async with benches() as bench:
        client = making(bench.url)
        await in_thread(lambda: [client.track("u1", "sign_up") for _ in range(2)])
        assert ["sign_up:u1"] == [event.key for event in await bench.stored()]


async def test_a_buffer_is_sent_again_after_an_answer_that_confirms_nothing_and_stored_once(
    benches: Benches, making: Making, unconfirmed: Confirmations
) -> None:
    async with benches() as bench:
        client = making(bench.url, buffered=True)

        def send() -> None:
            for number in range(3):
                client.track(f"u{number}", "upgraded")
            client._consumer.flush()

        await in_thread(send)
        assert [["accepted"] * 3, ["duplicate"] * 3] == unconfirmed.statuses
        assert 3 == len(await bench.stored())


async def test_history_is_imported_by_a_service_account_a_project_secret_or_the_token(
    benches: Benches, making: Making
) -> None:
    async with benches() as bench:
        robot = making(bench.url, "any", credentials=ServiceAccountCredentials("robot", SECRET, "7"))
        await in_thread(lambda: robot.import_data(None, "u1", "upgraded", 1_500_000_000))
        await in_thread(lambda: making(bench.url, "any").import_data(None, "u2", "upgraded", 1, api_secret=SECRET))
        await in_thread(lambda: making(bench.url).import_data(None, "u3", "upgraded", 1))
        assert ["u1", "u2", "u3"] == [event.distinct_id for event in await bench.stored()]


async def test_profiles_and_groups_are_answered_and_not_kept_and_the_log_says_so(
    benches: Benches, making: Making, capsys: pytest.CaptureFixture[str]
) -> None:
    async with benches() as bench:
        client = making(bench.url)
        await in_thread(lambda: client.people_set("u1", {"name": "Ada"}))
        await in_thread(lambda: client.group_set("company", "acme", {"size": 3}))
        await in_thread(lambda: client.merge(None, "u1", "u2"))
        assert 3 == "".join(capsys.readouterr()).count("ingest.not_kept")
        with pytest.raises(MixpanelException, match="token: expected a key"):
            await in_thread(lambda: making(bench.url, "wrong").people_set("u1", {}))
        assert [] == await bench.stored()


async def test_a_wrong_token_is_refused_and_nothing_is_stored(benches: Benches, making: Making) -> None:
    async with benches() as bench:
        with pytest.raises(MixpanelException, match="token: expected a key of this ingest"):
            await in_thread(lambda: making(bench.url, "wrong").track("u1", "upgraded"))
        robot = making(bench.url, SECRET, credentials=ServiceAccountCredentials("robot", "wrong", "7"))
        with pytest.raises(MixpanelException, match="token: expected a key of this ingest"):
            await in_thread(lambda: robot.import_data(None, "u1", "upgraded", 1))
        assert [] == await bench.stored()


async def test_events_of_two_sources_in_one_request_are_refused(benches: Benches) -> None:
    async with benches() as bench:
        status, answer = await bench.post("/track", [tracked("i1"), tracked("i2", token=OTHER)])
        assert (401, 0) == (status, answer["status"])
        assert [] == await bench.stored()


async def test_a_record_without_a_token_does_not_hold_back_the_others(benches: Benches) -> None:
    async with benches() as bench:
        answer = await bench.post("/track?verbose=1", [tracked("i1"), {"event": "upgraded"}, None])
        assert (200, {"status": 1, "error": "2 of 3 rejected: distinct_id: required"}) == answer
        assert 401 == (await bench.post("/track", [{"event": "upgraded"}]))[0]
        assert 1 == len(await bench.stored())


async def test_the_client_hears_what_is_wrong_and_keeps_nothing_back(benches: Benches, making: Making) -> None:
    async with benches() as bench:
        client = making(bench.url, buffered=True)

        def send() -> None:
            client.track("u1", "upgraded")
            client.track("", "upgraded")
            client._consumer.flush()

        await in_thread(send)
        await in_thread(client._consumer.flush)
        assert ["u1"] == [event.distinct_id for event in await bench.stored()]
        with pytest.raises(MixpanelException, match="distinct_id: required"):
            await in_thread(lambda: making(bench.url).track("", "upgraded"))


@pytest.mark.parametrize("kind", ["application/json", "application/x-ndjson"])
async def test_an_import_names_the_records_that_failed_and_takes_the_others(benches: Benches, kind: str) -> None:
    records = [tracked("i1"), tracked("i2", distinct_id=None), tracked("i3", time="yesterday"), tracked("i4")]
    lines = "\n".join(map(json.dumps, records)) if "nd" in kind else json.dumps(records)
    zipped = {"kind": kind, "Content_Encoding": "gzip", "Authorization": BASIC}
    async with benches() as bench:
        status, answer = await bench.post("/import?strict=1&project_id=7", gzip.compress(lines.encode()), **zipped)
        assert (400, 400, 2) == (status, answer["code"], answer["num_records_imported"])
        failed = [(one["index"], one["insert_id"], one["field"]) for one in answer["failed_records"]]
        assert [(1, "i2", "properties.distinct_id"), (2, "i3", "properties.time")] == failed
        status, answer = await bench.post("/import?strict=1", [tracked("i1"), tracked("i5")], Authorization=BASIC)
        assert (200, {"code": 200, "status": "OK", "num_records_imported": 2}) == (status, answer)
        status, answer = await bench.post("/import", [tracked("i6"), {"event": "x"}], Authorization=BASIC)
        assert (200, 1) == (status, answer["num_records_imported"])
        assert 4 == len(await bench.stored())


async def test_a_form_may_hold_base64_and_is_answered_in_one_figure(benches: Benches) -> None:
    def form(*records: Any, **fields: str) -> bytes:
        return urlencode({"data": base64.b64encode(json.dumps(records).encode()).decode()} | fields).encode()

    async with benches() as bench:
        assert (200, "1") == await bench.post("/track/", form(tracked("i1")), FORM)
        assert (200, "0") == await bench.post("/track/", form(tracked("i2", distinct_id=None)), FORM)
        verbose = await bench.post("/track?ip=1", form(tracked("i3"), verbose="1"), FORM)
        assert (200, {"status": 1, "error": None}) == verbose
        for wrong, said in ((b"data=%%%", "base64"), (b"x=1", "data: required"), (b"&".join([b"a=1"] * 99), "fields")):
            status, answer = await bench.post("/track", wrong, FORM)
            assert (400, True) == (status, said in answer["error"])


async def test_a_batch_may_be_as_large_as_mixpanel_takes_it_unless_the_operator_says_less(benches: Benches) -> None:
    many = [tracked(f"i{number}", text="x" * 1000) for number in range(2000)]
    async with benches() as bench:
        status, answer = await bench.post("/import?strict=1", many, Authorization=BASIC)
        assert (200, 2000) == (status, answer["num_records_imported"])
        assert 413 == (await bench.post("/import?strict=1", [*many, many[0]], Authorization=BASIC))[0]
        bomb = gzip.compress(b" " * (10 * 1024**2 + 1))
        assert 413 == (await bench.post("/import", bomb, Authorization=BASIC, Content_Encoding="gzip"))[0]
    async with benches("[ingest]\nmax_events = 2\nmax_body_bytes = 100000") as bench:
        assert 413 == (await bench.post("/import?strict=1", many[:3], Authorization=BASIC))[0]
        assert 413 == (await bench.post("/import?strict=1", [tracked("i", text="x" * 100_000)], Authorization=BASIC))[0]


async def test_no_credential_reaches_a_row_or_the_log(
    benches: Benches, making: Making, capsys: pytest.CaptureFixture[str]
) -> None:
    async with benches() as bench:
        await in_thread(lambda: [making(bench.url).track("u1", "sign_up") for _ in range(2)])
        robot = making(bench.url, OTHER, credentials=ServiceAccountCredentials("robot", SECRET, "7"))
        await in_thread(lambda: robot.import_data(None, "u2", "upgraded", 1))
        await in_thread(lambda: making(bench.url).people_set("u1", {}))
        assert await Discretion(bench, capsys).holds(OTHER)
    async with benches(ingest_keys="") as bench:
        await in_thread(lambda: making(bench.url).track("u3", "sign_up"))
        assert 3 == len(await bench.stored())
        assert await Discretion(bench, capsys).holds()


def tracked(insert_id: str, **properties: Any) -> dict[str, Any]:
    said = {"token": SECRET, "distinct_id": "u1", "$insert_id": insert_id, "time": 1_700_000_000} | properties
    return {"event": "upgraded", "properties": said}


async def test_a_form_that_is_not_utf_8_is_refused_and_not_read_as_another(benches: Benches) -> None:
    form = b'data={"event":"upgraded","properties":{"token":"%s","distinct_id":"u%%ff","$insert_id":"i"}}'
    async with benches() as bench:
        status, answer = await bench.post("/track", form % SECRET.encode(), FORM)
        assert (400, True) == (status, "data: not UTF-8 after its percent-encoding is undone" in answer["error"])
        assert [] == await bench.stored()
