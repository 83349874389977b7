"""An endpoint that misbehaves ends where it should, and the others do not notice."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from telemetry.core.delivery import State
from telemetry.ops.standing import retry
from telemetry.store.selection import Selection
from tests.consumers.webhook.conftest import Agency
from tests.receiver import Receiver, Reply
from tests.until import until

LIES = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nshort"
NONSENSE = b"\x00\x01 what is this?\r\n\r\n"
WITHOUT_END = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n"
# Several times what the kernels on both sides keep.
A_LOT = 64 * 1024**2


@asynccontextmanager
async def raw(answer: bytes, *, more: bytes = b"") -> AsyncIterator[tuple[str, list[int]]]:
    """Listen, and answer with some bytes, however wrong, and with more without end; tell how many each was sent."""
    sent: list[int] = []

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        number = len(answer)
        with suppress(ConnectionError):
            await writer.drain()
            while more and number < A_LOT:
                writer.write(more)
                await writer.drain()
                number += len(more)
        sent.append(number)
        writer.close()

    server = await asyncio.start_server(reply, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", sent


async def told_beside(agency: Agency, bad: str, state: State, **settings: object) -> str:
    """Tell a bad endpoint and a good one of a fact; say why the bad one's delivery ended as it did."""
    async with Receiver() as good:
        config = agency.config(bad=bad, good=good.url)
        async with agency.courier(config, **settings):
            await agency.tell(agency.consumer(config), "sign_up:u1")
            await agency.until(State.DELIVERED, "sign_up:u1|webhook:good")
            await agency.until(state, "sign_up:u1|webhook:bad")
        assert ["sign_up:u1"] == good.taken
    return (await agency.row("sign_up:u1|webhook:bad")).reason or ""


async def test_one_that_fails_twenty_times_is_told_in_the_end_under_one_id(agency: Agency) -> None:
    async with Receiver() as bad:
        bad.replies.extend([Reply(500, taken=False)] * 20)
        schedule = ",".join(["0.01s"] * 21)
        await told_beside(agency, bad.url, State.DELIVERED, webhook_schedule=schedule, courier_rest=0.02)
        assert ["sign_up:u1"] == bad.taken
        assert {"sign_up:u1": 21} == bad.tries
        assert 1 == len(bad.ids("sign_up:u1"))
    attempts = [one.outcome for one in await agency.attempts("sign_up:u1") if one.delivery.endswith(":bad")]
    assert ["retry"] * 20 + ["delivered"] == attempts


async def test_one_that_always_fails_is_dead_after_the_last_try(agency: Agency) -> None:
    async with Receiver() as bad:
        bad.always = Reply(500, body=b"oops", taken=False)
        assert "it answered 500: oops; given up after 4 tries" == await told_beside(agency, bad.url, State.DEAD)


async def test_a_dead_one_that_an_operator_tries_again_is_told_under_the_same_id(agency: Agency) -> None:
    async with Receiver() as bad:
        bad.always = Reply(500, taken=False)
        await told_beside(agency, bad.url, State.DEAD)
        bad.always = Reply()
        async with agency.courier(agency.config(bad=bad.url)):
            selection = Selection(event="sign_up:u1")
            assert 1 == await retry(agency.connection, selection, ["webhook"])
            await agency.until(State.DELIVERED, "sign_up:u1|webhook:bad")
        assert ["sign_up:u1"] == bad.taken
        assert 1 == len(bad.ids("sign_up:u1"))


async def test_one_that_hangs_is_dead_after_the_last_try(agency: Agency) -> None:
    async with Receiver() as bad:
        bad.always = Reply(seconds=30)
        reason = await told_beside(agency, bad.url, State.DEAD, carry_timeout=0.2, webhook_schedule="0.05s")
        assert "no answer within the time limit; given up after 2 tries" == reason


async def test_one_that_lies_about_its_length_is_told_as_its_status_says(agency: Agency) -> None:
    async with raw(LIES) as (url, sent):
        await told_beside(agency, url, State.DELIVERED)
    assert 1 == len(sent)


async def test_of_one_that_answers_without_end_no_more_is_read_than_is_worth_it(agency: Agency) -> None:
    async with raw(WITHOUT_END, more=CHUNK) as (url, sent):
        await told_beside(agency, url, State.DELIVERED)

        async def cut() -> list[int]:
            """It has seen the connection end."""
            return sent

        assert (await until(cut))[0] < A_LOT


async def test_one_that_talks_nonsense_is_dead_after_the_last_try(agency: Agency) -> None:
    async with raw(NONSENSE) as (url, _):
        assert "no readable answer" in await told_beside(agency, url, State.DEAD)


async def test_one_that_redirects_to_this_machine_is_not_followed(agency: Agency) -> None:
    async with Receiver() as inside, Receiver() as bad:
        bad.always = Reply(302, {"Location": inside.url}, taken=False)
        reason = await told_beside(agency, bad.url, State.DEAD)
        assert "it answered 302: redirects are not followed" in reason
        assert [] == inside.heard


async def test_one_that_leads_to_this_machine_is_not_reached(agency: Agency) -> None:
    async with Receiver() as inside:
        port = inside.url.rpartition(":")[2]
        config = agency.config(bad=f"http://localhost:{port}/")
        async with agency.courier(config, webhook_allow="10.9.9.0/24"):
            await agency.tell(agency.consumer(config), "sign_up:u1")
            await agency.until(State.DEAD, "sign_up:u1|webhook:bad")
        reason = (await agency.row("sign_up:u1|webhook:bad")).reason or ""
        assert "it is at 127.0.0.1, which is not a public address" in reason or "it is at ::1" in reason
        assert [] == inside.heard


async def test_one_that_is_gone_is_switched_off_and_what_comes_is_parked_until_it_is_switched_on(
    agency: Agency,
) -> None:
    async with Receiver() as bad, Receiver() as good:
        bad.always = Reply(410, taken=False)
        config = agency.config(bad=bad.url, good=good.url)
        consumer = agency.consumer(config)
        async with agency.courier(config):
            await agency.tell(consumer, "sign_up:u1")
            await agency.until(State.PARKED, "sign_up:u1|webhook:bad")
            await agency.tell(consumer, "sign_up:u2", "sign_up:u3")
            await agency.until(State.PARKED, "sign_up:u2|webhook:bad", "sign_up:u3|webhook:bad")
            await agency.until(State.DELIVERED, *(f"sign_up:u{n}|webhook:good" for n in (1, 2, 3)))
            assert {"sign_up:u1": 1} == bad.tries
            assert "tellonce webhooks enable bad" in str((await agency.row("sign_up:u2|webhook:bad")).reason)
            bad.always = Reply()
            assert await agency.endpoints.enable("bad")
            await agency.until(State.DELIVERED, *(f"sign_up:u{n}|webhook:bad" for n in (1, 2, 3)))
        assert ["sign_up:u1", "sign_up:u2", "sign_up:u3"] == sorted(bad.taken)


async def test_one_that_disappears_is_dead_after_the_last_try(agency: Agency) -> None:
    async with Receiver() as gone:
        url = gone.url
    assert "no connection" in await told_beside(agency, url, State.DEAD)


async def test_one_whose_name_disappears_is_dead_after_the_last_try(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = asyncio.BaseEventLoop.getaddrinfo

    async def nobody_knows(self: asyncio.BaseEventLoop, host: str, *args: Any, **more: Any) -> Any:
        if host == "gone.example":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return await ask(self, host, *args, **more)

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", nobody_knows)
    assert "its name is not found" in await told_beside(agency, "https://gone.example/", State.DEAD)


async def test_one_that_breaks_the_connection_after_it_has_acted_hears_the_same_id(agency: Agency) -> None:
    async with Receiver() as bad:
        bad.replies.append(Reply(drop=True))
        await told_beside(agency, bad.url, State.DELIVERED)
        assert {"sign_up:u1": 2} == bad.tries
        assert ["sign_up:u1"] == bad.taken


async def test_one_that_asks_for_a_pause_gets_it_and_it_costs_nothing(agency: Agency) -> None:
    async with Receiver() as bad:
        bad.replies.extend([Reply(429, {"Retry-After": "1"}, taken=False), Reply(503, taken=False)])
        await told_beside(agency, bad.url, State.DELIVERED)
        assert {"sign_up:u1": 3} == bad.tries
    row = await agency.row("sign_up:u1|webhook:bad")
    assert (0, 2) == (row.failures, row.pauses)
