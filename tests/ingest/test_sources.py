"""Sources that come and go while ingest runs."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import anyio
import pytest

from telemetry.core.errors import ConfigurationError, UnavailableError
from telemetry.core.event import Event
from telemetry.core.rate import Rate
from telemetry.core.source import Source, digest_of
from telemetry.ingest import auth, usage
from telemetry.ops.sources import add, rotate
from telemetry.store.client import Connection
from telemetry.store.events import Events
from telemetry.store.sources import Sources
from tests.ingest.conftest import Producer, Serving
from tests.ingest.test_service import Commands, commands, leaves  # noqa: F401 - a fixture
from tests.until import until


def occurrence(number: int) -> dict[str, Any]:
    return {"event": "tick", "distinct_id": "u", "insert_id": f"i{number}"}


def bearing(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


async def new(connection: Connection, name: str, rate: str | None = None) -> dict[str, str]:
    """Add a source, and give the header of its requests."""
    done = await add(connection, name, Rate.parse(rate) if rate else None, ())
    return bearing(done.secret)


async def source(connection: Connection, name: str) -> Source:
    return (await Sources(connection).all())[name]


async def refused(producer: Producer, header: dict[str, str], status: int = 401) -> None:
    async def is_refused() -> bool:
        return (await producer.send(occurrence(0), **header))[0] == status

    await until(is_refused)


async def test_a_new_secret_works_at_once_and_the_first_one_closes_ingest(
    serving: Serving, connection: Connection
) -> None:
    async with serving() as producer:
        assert 202 == (await producer.send(occurrence(1)))[0]
        web = await new(connection, "web")
        assert "tick:web:i1" == (await producer.send(occurrence(1), **web))[1]["results"][0]["id"]
        assert 401 == (await producer.send(occurrence(1)))[0]
        app = await new(connection, "app")
        assert "tick:app:i1" == (await producer.send(occurrence(1), **app))[1]["results"][0]["id"]


async def test_a_rotated_source_has_two_secrets_and_one_name(serving: Serving, connection: Connection) -> None:
    async with serving() as producer:
        former = await new(connection, "web")
        assert 202 == (await producer.send(occurrence(1), **former))[0]
        newer = bearing(await rotate(connection, "web", timedelta(days=1)))
        for header in (newer, former):
            assert "duplicate" == (await producer.send(occurrence(1), **header))[1]["results"][0]["status"]


async def test_a_revoked_secret_stops_and_with_the_last_one_ingest_stays_closed(
    serving: Serving, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "KNOWN_FOR", 0.2)
    async with serving() as producer:
        web = await new(connection, "web")
        assert 202 == (await producer.send(occurrence(1), **web))[0]
        await Sources(connection).revoke("web")
        await refused(producer, web)
        assert 401 == (await producer.send(occurrence(1)))[0]


@pytest.mark.parametrize("path", ["/ingest", "/v1/track"])
async def test_a_secret_that_is_revoked_while_its_request_trickles_in_is_refused(
    serving: Serving, connection: Connection, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(auth, "KNOWN_FOR", 0.1)
    body = b'{"event": "sign_up", "%s": "u1"}' % (b"distinct_id" if path == "/ingest" else b"userId")
    async with serving() as producer:
        web, app = await new(connection, "web"), await new(connection, "app")
        assert 202 == (await producer.send(occurrence(1), **web))[0]

        async def trickling() -> AsyncIterator[bytes]:
            yield body[:9]
            await Sources(connection).revoke("web")
            await refused(producer, web)
            yield body[9:]

        sent = {"Content-Type": "application/json"}
        async with producer.session.post(producer.url + path, data=trickling(), headers=sent | web) as answer:
            assert 401 == answer.status
        async with producer.session.post(producer.url + path, data=body, headers=sent | app) as answer:
            assert answer.status in (200, 202)


async def test_a_secret_that_is_past_its_time_is_refused(serving: Serving, connection: Connection) -> None:
    async with serving() as producer:
        former = await new(connection, "web")
        newer = bearing(await rotate(connection, "web", timedelta(seconds=1)))
        assert 202 == (await producer.send(occurrence(1), **former))[0]
        await refused(producer, former)
        assert 202 == (await producer.send(occurrence(1), **newer))[0]


async def test_sources_of_the_environment_go_on_beside_those_that_were_added(
    serving: Serving, connection: Connection
) -> None:
    async with serving(ingest_keys="web:s3cret") as producer:
        app = await new(connection, "app")
        for header, name in ((bearing("s3cret"), "web"), (app, "app")):
            assert f"tick:{name}:i1" == (await producer.send(occurrence(1), **header))[1]["results"][0]["id"]
        # Added behind its back, a name stays the environment's.
        stolen = await new(connection, "web")
        assert 401 == (await producer.send(occurrence(1), **stolen))[0]
        assert 202 == (await producer.send(occurrence(1), **bearing("s3cret")))[0]


async def test_a_name_in_both_is_refused_in_one_line(serving: Serving, connection: Connection) -> None:
    await new(connection, "web")
    with pytest.raises(ExceptionGroup) as caught:
        async with serving(ready=False, ingest_keys="web:s3cret"):
            await anyio.sleep_forever()
    (error,) = leaves(caught.value)
    assert isinstance(error, ConfigurationError)
    assert str(error).startswith("TELLONCE_INGEST_KEYS: web was added with `tellonce sources` too")
    assert "s3cret" not in str(error)


async def test_a_revoked_source_leaves_its_name_to_the_environment(serving: Serving, connection: Connection) -> None:
    web = await new(connection, "web", "1/h")
    await Sources(connection).revoke("web")
    async with serving(ingest_keys="web:s3cret") as producer:
        for number in range(3):
            _, answer = await producer.send(occurrence(number), **bearing("s3cret"))
            assert f"tick:web:i{number}" == answer["results"][0]["id"]
        assert 401 == (await producer.send(occurrence(1), **web))[0]


async def test_where_others_reach_ingest_it_asks_for_a_source_of_either_kind(
    serving: Serving, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Listening to the network for the sake of a test would be too much.
    monkeypatch.setattr("telemetry.runtime.settings.is_loopback", lambda _: False)
    with pytest.raises(ExceptionGroup) as caught:
        async with serving(ready=False):
            await anyio.sleep_forever()
    assert "`tellonce sources add NAME`" in str(leaves(caught.value)[0])
    web = await new(connection, "web")
    async with serving() as producer:
        assert 401 == (await producer.send(occurrence(1)))[0]
        assert 202 == (await producer.send(occurrence(1), **web))[0]


async def test_guessing_costs_the_database_a_bounded_number_of_looks(
    commands: Commands,  # noqa: F811
    serving: Serving,
    connection: Connection,
) -> None:
    async with serving(ingest_keys="web:s3cret") as producer:
        commands.sent.clear()
        for number in range(60):
            assert 401 == (await producer.send(occurrence(1), **bearing(f"guess{number}")))[0]
        assert commands.sent.count("find") <= auth.LOOK_UPS.events + 5


async def test_a_source_over_its_rate_is_told_when_to_come_again_and_nothing_is_stored(
    serving: Serving, connection: Connection
) -> None:
    async with serving() as producer:
        web, app = await new(connection, "web", "5/min"), await new(connection, "app")
        assert 202 == (await producer.send([occurrence(n) for n in range(4)], **web))[0]
        async with producer.session.post(
            f"{producer.url}/ingest", json=[occurrence(8), occurrence(9)], headers=web
        ) as answer:
            assert (429, {"error"}) == (answer.status, set(await answer.json()))
            # One is left, and another comes every twelve seconds.
            assert 1 <= int(answer.headers["Retry-After"]) <= 12
            assert "web: more events than its rate of 5/min" in await answer.text()
        assert 202 == (await producer.send(occurrence(4), **web))[0]
        assert 202 == (await producer.send([occurrence(n) for n in range(20)], **app))[0]
        assert 25 == await Events(connection).estimate()
        _, metrics = await producer.get("/metrics")
        for sample in ('outcome="limited",source="web"} 2.0', 'outcome="admitted",source="web"} 5.0'):
            assert f"tellonce_ingest_source_events_total{{{sample}" in metrics
        assert 'requests_total{status="429"} 1.0' in metrics


async def test_what_the_database_did_not_take_costs_a_source_nothing_of_its_rate(
    serving: Serving, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, insert = [True], Events.insert

    async def failing(self: Events, events: Sequence[Event]) -> dict[str, Event]:
        if away:
            raise UnavailableError("away")
        return await insert(self, events)

    monkeypatch.setattr(Events, "insert", failing)
    async with serving(ingest_timeout=0.2) as producer:
        web = await new(connection, "web", "2/h")
        both = [occurrence(1), occurrence(2)]
        assert [503] * 3 == [(await producer.send(both, **web))[0] for _ in range(3)]
        away.clear()
        assert [202, 429] == [(await producer.send(sent, **web))[0] for sent in (both, occurrence(3))]


async def test_another_rate_holds_without_a_restart(
    serving: Serving, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "KNOWN_FOR", 0.1)
    async with serving() as producer:
        web = await new(connection, "web", "1/h")
        assert 202 == (await producer.send(occurrence(1), **web))[0]
        assert 429 == (await producer.send(occurrence(2), **web))[0]
        await Sources(connection).limit("web", None)
        await refused(producer, web, 202)


async def test_the_last_use_is_noted_once_a_minute_and_when_ingest_stops(
    commands: Commands,  # noqa: F811
    serving: Serving,
    connection: Connection,
) -> None:
    async def noted() -> bool:
        return (await source(connection, "web")).last_used is not None

    async with serving(ingest_keys="ci:s3cret") as producer:
        web = await new(connection, "web")
        await producer.send(occurrence(1), **web)
        await until(noted)
        first = (await source(connection, "web")).last_used
        commands.sent.clear()
        for number in range(10, 20):
            assert 202 == (await producer.send(occurrence(number), **web))[0]
            assert 202 == (await producer.send(occurrence(number), **bearing("s3cret")))[0]
        assert 0 == commands.sent.count("update")
        assert first == (await source(connection, "web")).last_used
    last, ci = (await source(connection, "web")).last_used, await source(connection, "ci")
    assert first is not None
    assert last is not None
    assert (True, None) == (last > first, ci.added_at)
    assert ci.last_used is not None


async def test_a_use_that_cannot_be_written_is_written_later(connection: Connection, monkeypatch: Any) -> None:
    monkeypatch.setattr(usage, "EVERY", 0.01)
    written, used = list[str](), Sources.used

    async def failing(self: Sources, name: str, at: Any) -> None:
        written.append(name)
        if len(written) == 1:
            raise UnavailableError("away")
        await used(self, name, at)

    monkeypatch.setattr(Sources, "used", failing)
    noting = usage.Usage(Sources(connection), connection.clock)

    async def is_written() -> bool:
        return "web" in await Sources(connection).all()

    async with anyio.create_task_group() as group:
        group.start_soon(noting.run)
        noting.note("web")
        await until(is_written)
        group.cancel_scope.cancel()


async def test_at_rest_nothing_is_asked(
    commands: Commands,  # noqa: F811
    serving: Serving,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(auth, "KNOWN_FOR", 0.01)
    async with serving(ingest_keys="web:s3cret") as producer:
        await producer.send(occurrence(1), **bearing("s3cret"))
        await anyio.sleep(0.3)  # what the first event leaves to do
        commands.sent.clear()
        await anyio.sleep(1)  # the nothing that is measured
        assert [] == commands.sent


async def test_no_secret_and_no_hash_is_in_the_log_or_the_metrics(
    serving: Serving, connection: Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving() as producer:
        web = await new(connection, "web", "1/h")
        secret = web["Authorization"].removeprefix("Bearer ")
        for number in range(3):
            _, answer = await producer.send(occurrence(number), **web)
            assert secret not in str(answer)
        _, answer = await producer.send(occurrence(1), Authorization=f"Bearer {secret}x")
        assert secret not in str(answer)
        told = "".join(capsys.readouterr()) + (await producer.get("/metrics"))[1]
    assert secret not in told
    assert digest_of(secret) not in told
    rows = await connection["sources"].find({}).to_list(None)
    assert secret not in str(rows)


async def test_while_nobody_can_tell_a_source_its_requests_are_put_off_and_not_refused(
    serving: Serving, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(ingest_timeout=0.2) as producer:
        web = await new(connection, "web")
        assert 202 == (await producer.send(occurrence(1), **web))[0]

        async def hang(_: Sources) -> dict[str, Source]:
            await anyio.sleep_forever()
            raise AssertionError

        monkeypatch.setattr(auth, "KNOWN_FOR", 0.0)
        monkeypatch.setattr(Sources, "all", hang)
        status, answer = await producer.send(occurrence(1), **web)
        assert (503, True) == (status, "send the same again" in answer["error"])


async def test_a_producer_of_another_maker_is_a_source_like_any_other(serving: Serving, connection: Connection) -> None:
    async with serving() as producer:
        key = (await add(connection, "shop", Rate.parse("1/h"), ())).secret
        for number, status in ((1, 200), (2, 429)):
            sent = {"type": "track", "event": "sign_up", "userId": f"u{number}", "messageId": f"m{number}"}
            async with producer.session.post(
                f"{producer.url}/v1/batch", json={"writeKey": key, "batch": [sent]}
            ) as answer:
                assert (status, key in await answer.text()) == (answer.status, False)
                assert (status == 429) == ("Retry-After" in answer.headers)
        (event,) = [row async for row in connection["events"].find()]
        assert "shop" == event["source"]
