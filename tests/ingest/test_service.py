"""One ingest process as its producers meet it."""

import json
import signal
import socket
from typing import Any

import aiohttp
import anyio
import pytest
from pymongo.monitoring import CommandListener, CommandStartedEvent

from telemetry.cli.embedded import start_embedded_server
from telemetry.core.errors import ConfigurationError
from telemetry.core.key import KeyPolicy
from telemetry.ingest import service
from telemetry.store.client import Connection, connect
from telemetry.store.events import Events
from telemetry.store.keys import Keys
from tests.ingest.conftest import Producer, Serving
from tests.until import PATIENCE, until


async def test_without_a_database_ingest_is_alive_and_not_ready(serving: Serving) -> None:
    nowhere = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200"
    async with serving(ready=False, mongodb_uri=nowhere) as producer:
        assert 200 == (await producer.get("/healthz"))[0]
        assert 503 == (await producer.get("/readyz"))[0]
        status, answer = await producer.send({"event": "sign_up", "distinct_id": "u"})
        assert (503, True) == (status, "send the same again" in answer["error"])


async def test_every_form_of_request_is_taken(producer: Producer, connection: Connection) -> None:
    def event(n: int) -> dict[str, str]:
        return {"event": "sign_up", "distinct_id": f"u{n}"}

    lines = b'{"event": "sign_up", "distinct_id": "u5"}\n{"event": "sign_up", "distinct_id": "u6"}'
    assert 1 == (await producer.send(event(1)))[1]["accepted"]
    assert 1 == (await producer.send([event(1), event(2)]))[1]["accepted"]
    assert 1 == (await producer.send({"events": [event(3)]}))[1]["accepted"]
    assert 1 == (await producer.send_gzipped([event(4), event(4)]))[1]["accepted"]
    assert 2 == (await producer.send(lines, kind="application/x-ndjson; charset=utf-8"))[1]["accepted"]
    assert 6 == await Events(connection).estimate()


async def test_thirty_two_clients_at_once_store_each_fact_once(producer: Producer, connection: Connection) -> None:
    accepted: list[int] = []

    async def client() -> None:
        _, answer = await producer.send([{"event": "sign_up", "distinct_id": f"u{n}"} for n in range(50)])
        accepted.append(answer["accepted"])

    async with anyio.create_task_group() as group:
        for _ in range(32):
            group.start_soon(client)
    assert (50, 50) == (sum(accepted), await Events(connection).estimate())


async def test_what_the_api_says_of_itself_names_the_forms_and_the_answers(producer: Producer) -> None:
    status, text = await producer.get("/openapi.json")
    assert 200 == status
    for word in ("/ingest", "application/x-ndjson", "bearer", '"413"', "Retry-After"):
        assert word in text
    assert 200 == (await producer.get("/docs"))[0]
    assert "tellonce_ingest_events_total" in (await producer.get("/metrics"))[1]


def sign_up(name: str, **fields: Any) -> dict[str, Any]:
    return {"event": "sign_up", "distinct_id": name} | fields


class Commands(CommandListener):
    """Counts the commands that one process sends."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.places: list[str] = []  # with their collection

    def started(self, event: CommandStartedEvent) -> None:
        """Note a command."""
        self.sent.append(event.command_name)
        self.places.append(f"{event.command_name} {event.command.get(event.command_name)}")

    def succeeded(self, event: Any) -> None:
        """Say nothing."""

    def failed(self, event: Any) -> None:
        """Say nothing."""


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The commands that ingest sends."""
    listener = Commands()
    monkeypatch.setattr(service, "connect", lambda *args: connect(*args, listeners=[listener]))
    return listener


async def test_requests_at_once_share_inserts_and_read_the_policies_once(
    commands: Commands, serving: Serving, connection: Connection
) -> None:
    async with serving() as producer:
        await producer.send(sign_up("first"))
        commands.sent.clear()
        async with anyio.create_task_group() as group:
            for n in range(32):
                group.start_soon(producer.send, sign_up(f"u{n}"))
        assert 33 == await Events(connection).estimate()
        assert commands.sent.count("insert") < 16
        assert commands.sent.count("find") <= 1


async def test_an_event_of_an_open_process_costs_one_insert_and_nothing_else(
    commands: Commands, serving: Serving, connection: Connection
) -> None:
    async with serving() as producer:
        await producer.send(sign_up("u1"))
        commands.sent.clear()
        await producer.send(sign_up("u2"))
        assert ["insert"] == commands.sent


async def test_a_hundred_repeats_are_noted_with_their_event_in_one_update(
    commands: Commands, serving: Serving, connection: Connection
) -> None:
    async with serving() as producer:
        await producer.send(sign_up("u1"))
        commands.places.clear()
        await producer.send([sign_up("u1")] * 100)
        await producer.send(sign_up("u1", properties={"plan": "pro"}))
        await producer.send(sign_up("u2"))
        assert "update events" not in commands.places
    event = await Events(connection).get("sign_up:u1")
    assert event is not None
    assert event.repeats is not None
    assert (event.repeats.counts, event.repeats.differs) == ({"duplicate": 100, "conflict": 1}, ("properties.plan",))
    assert event.repeats.last_at >= event.received_at
    assert 1 == commands.places.count("update events")
    assert getattr(await Events(connection).get("sign_up:u2"), "repeats", "gone") is None


async def test_a_database_that_hangs_or_is_killed_is_waited_for_and_answers_stay_true(
    serving: Serving, tmp_path: Any, database: str
) -> None:
    async def at(status: int) -> bool:
        return (await producer.get("/readyz"))[0] == status

    async def is_away() -> bool:
        """Not ready."""
        return await at(503)

    async def is_back() -> bool:
        """Ready."""
        return await at(200)

    with start_embedded_server(tmp_path) as first:
        port, uri = first.port, f"{first.uri}&serverSelectionTimeoutMS=300"
        async with serving(mongodb_uri=uri, ingest_timeout=1) as producer:
            assert 202 == (await producer.send(sign_up("u1")))[0]
            first._process.send_signal(signal.SIGSTOP)
            with anyio.fail_after(PATIENCE):
                status, answer = await producer.send(sign_up("u2"))
            assert (503, True) == (status, "not confirmed" in answer["error"])
            first._process.kill()
            first._process.wait()
            status, answer = await producer.send(sign_up("u2"))
            assert (503, True) == (status, "send the same again" in answer["error"])
            await until(is_away)
            assert 200 == (await producer.get("/healthz"))[0]
            with start_embedded_server(tmp_path, port):
                await until(is_back)
                _, answer = await producer.send([sign_up("u1"), sign_up("u2")])
                # What was being written when its request gave up may have been written: then sending again says so.
                assert "duplicate" == answer["results"][0]["status"]
                assert answer["results"][1]["status"] in ("accepted", "duplicate")


async def test_a_database_that_comes_late_is_found(serving: Serving, tmp_path: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    uri = f"mongodb://127.0.0.1:{port}/?retryWrites=false&w=1&journal=true"

    async def is_ready() -> bool:
        return (await producer.get("/readyz"))[0] == 200

    async with serving(ready=False, mongodb_uri=uri) as producer:
        assert 503 == (await producer.send(sign_up("u1")))[0]
        with start_embedded_server(tmp_path, port):
            await until(is_ready)
            assert 202 == (await producer.send(sign_up("u1")))[0]


async def test_two_ingests_with_other_policies_follow_the_database(serving: Serving, connection: Connection) -> None:
    finer = '[types.badge]\nkey = ["distinct_id", "properties.level"]'
    badge = {"event": "badge", "distinct_id": "u1", "properties": {"level": 1}}
    async with serving(finer) as new, serving('[types.badge]\nkey = ["distinct_id"]') as old:
        _, first = await old.send(badge)
        _, again = await new.send(badge)
        assert ("accepted", "duplicate") == (first["results"][0]["status"], again["results"][0]["status"])
        assert first["results"][0]["id"] == again["results"][0]["id"] == "badge:u1"


async def test_a_type_that_is_being_switched_is_not_taken_and_afterwards_keyed_anew(
    serving: Serving, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telemetry.ingest.policies.FRESH_SECONDS", 0.0)
    to, badge = KeyPolicy(("properties.level",)), {"event": "badge", "distinct_id": "u1", "properties": {"level": 7}}
    async with serving('[types.badge]\nkey = ["distinct_id"]') as producer:
        await producer.send(badge)
        await Keys(connection).begin_switch("badge", to)
        status, answer = await producer.send([badge, sign_up("u1")])
        assert (503, True) == (status, "being switched" in answer["error"])
        assert 202 == (await producer.send(sign_up("u1")))[0]
        await Keys(connection).finish_switch("badge", to)
        assert "badge:7" == (await producer.send(badge))[1]["results"][0]["id"]


async def test_a_file_that_contradicts_the_database_is_refused_naming_both(
    serving: Serving, connection: Connection
) -> None:
    await Keys(connection).register("sign_up", KeyPolicy(("properties.email",)))
    with pytest.raises(ExceptionGroup) as refused:
        async with serving(ready=False):
            await anyio.sleep_forever()
    (error,) = leaves(refused.value)
    assert isinstance(error, ConfigurationError)
    for word in ("types.sign_up.key", "['distinct_id']", "['properties.email']", "tellonce keys apply sign_up"):
        assert word in str(error)


def leaves(error: BaseException) -> list[BaseException]:
    inside = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return [leaf for below in inside for leaf in leaves(below)] or [error]


async def test_a_client_that_hangs_up_does_not_undo_the_write(serving: Serving, connection: Connection) -> None:
    async with serving() as producer:
        host, port = producer.url.removeprefix("http://").split(":")
        body = json.dumps(sign_up("u1")).encode()
        head = b"POST /ingest HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        stream = await anyio.connect_tcp(host, int(port))
        await stream.send(head % len(body) + body)
        await stream.aclose()

        async def stored() -> Any:
            return await Events(connection).get("sign_up:u1")

        await until(stored)
        assert "duplicate" == (await producer.send(sign_up("u1")))[1]["results"][0]["status"]


async def test_a_stop_finishes_the_answer_under_way(serving: Serving, connection: Connection, monkeypatch: Any) -> None:
    insert, begun, go = Events.insert, anyio.Event(), anyio.Event()
    answers: list[int] = []

    async def slow(self: Events, events: Any) -> Any:
        begun.set()
        await go.wait()
        return await insert(self, events)

    monkeypatch.setattr(Events, "insert", slow)
    async with anyio.create_task_group() as group, aiohttp.ClientSession() as session:

        async def send(producer: Producer) -> None:
            async with session.post(f"{producer.url}/ingest", json=sign_up("u1")) as answer:
                answers.append(answer.status)

        async with serving() as producer:
            group.start_soon(send, producer)
            await begun.wait()
            group.start_soon(release, go)
    assert [202] == answers


async def release(gate: anyio.Event) -> None:
    await anyio.sleep(0.2)  # the stop comes first
    gate.set()


async def test_errors_outside_ingest_have_the_same_shape(producer: Producer) -> None:
    for path, status in (("/nowhere", 404), ("/ingest", 405)):
        got, text = await producer.get(path)
        assert (status, ["error"]) == (got, list(json.loads(text)))


async def test_skips_are_logged_with_the_existing_id_and_counted(
    producer: Producer, capsys: pytest.CaptureFixture[str]
) -> None:
    await producer.send([sign_up("u1"), sign_up("u1"), sign_up("u1", properties={"plan": "pro"})])
    await producer.send({"event": "made up", "distinct_id": "u", "insert_id": "i"})
    said = capsys.readouterr()
    lines = [line for line in (said.out + said.err).splitlines() if "ingest.skipped" in line]
    assert 2 == len(lines)
    assert all("sign_up:u1" in line for line in lines)
    assert "properties.plan" in lines[1]
    assert "pro" not in lines[1].replace("properties.plan", "")
    _, metrics = await producer.get("/metrics")
    for sample in (
        'events_total{status="conflict",type="sign_up"} 1.0',
        'events_total{status="accepted",type="other"} 1.0',
    ):
        assert f"tellonce_ingest_{sample}" in metrics
    assert 'tellonce_suppressed_total{cause="resubmitted"} 1.0' in metrics


async def test_what_alerts_look_at_is_counted_from_nothing(producer: Producer) -> None:
    # A counter that begins with 1 has not risen, to Prometheus: the first conflict would raise no alert.
    _, metrics = await producer.get("/metrics")
    for kind in ("sign_up", "other"):
        for status in ("conflict", "rejected", "duplicate"):
            assert f'tellonce_ingest_events_total{{status="{status}",type="{kind}"}} 0.0' in metrics
    assert 'tellonce_ingest_requests_total{status="503"} 0.0' in metrics


async def test_a_body_that_does_not_come_is_not_waited_for(producer: Producer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telemetry.ingest.app.BODY_SECONDS", 0.1)
    host, port = producer.url.removeprefix("http://").split(":")
    head = b"POST /ingest HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    async with await anyio.connect_tcp(host, int(port)) as stream:
        await stream.send(head)
        with anyio.fail_after(20):
            assert b"HTTP/1.1 408" in await stream.receive()
    assert 202 == (await producer.send(sign_up("u1")))[0]


async def test_a_body_that_is_cut_short_is_counted_and_nothing_of_it_is_stored(
    producer: Producer, connection: Connection
) -> None:
    host, port = producer.url.removeprefix("http://").split(":")
    head = b"POST /ingest HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 999\r\n\r\n"
    stream = await anyio.connect_tcp(host, int(port))
    await stream.send(head + json.dumps(sign_up("u1")).encode() + b"\n")
    await stream.aclose()

    async def counted() -> bool:
        return 'tellonce_ingest_requests_total{status="400"} 1.0' in (await producer.get("/metrics"))[1]

    await until(counted)
    assert 0 == await Events(connection).estimate()


@pytest.mark.slow
async def test_a_connection_that_rested_for_a_while_is_still_good(producer: Producer) -> None:
    """
    Closed by ingest in the moment in which its client uses it again, it would be a failed request.
    """
    host, port = producer.url.removeprefix("http://").split(":")
    question = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    async with await anyio.connect_tcp(host, int(port)) as stream:
        for rest in (8, 0):
            await stream.send(question)
            assert b"HTTP/1.1 200" in await stream.receive()
            await anyio.sleep(rest)
