"""Every kind of trouble can be scripted."""

import asyncio

import aiohttp
import pytest

from bot.simulator import Simulator
from tests.simulator.conftest import COMMUNITY, RELEASES, Poster, until


def contents(simulator: Simulator) -> list[str]:
    return [message.content for message in simulator.messages(COMMUNITY)]


async def test_a_status_before_processing_creates_nothing(simulator: Simulator, poster: Poster) -> None:
    simulator.faults.script(action="status", status=502, body="bad gateway")
    status, body, _ = await poster.post()
    assert (status, body, contents(simulator)) == (502, "bad gateway", [])


async def test_a_status_after_processing_has_created_the_message(simulator: Simulator, poster: Poster) -> None:
    simulator.faults.script(action="status", status=500, when="after", code=7, message="oh")
    status, body, _ = await poster.post()
    assert (status, body, contents(simulator)) == (500, {"message": "oh", "code": 7}, ["hello"])


async def test_a_scripted_429_looks_like_discords(simulator: Simulator, poster: Poster) -> None:
    simulator.faults.script(action="status", status=429, retry_after=2.5, scope="shared")
    status, body, headers = await poster.post()
    assert (status, body["retry_after"], body["global"]) == (429, 2.5, False)
    assert (headers["Retry-After"], headers["X-RateLimit-Scope"]) == ("3", "shared")
    assert "Via" in headers
    assert simulator.traffic.invalid == 0


async def test_a_global_429_says_so(simulator: Simulator, poster: Poster) -> None:
    simulator.faults.script(action="status", status=429, scope="global")
    _, body, headers = await poster.post()
    assert (body["global"], headers["X-RateLimit-Global"]) == (True, "true")


async def test_the_wall_before_discord_answers_without_via(simulator: Simulator, poster: Poster) -> None:
    simulator.faults.script(action="cloudflare", retry_after=60)
    status, body, headers = await poster.post()
    assert (status, body, headers["Retry-After"]) == (429, "error code: 1015", "60")
    assert "Via" not in headers
    assert simulator.traffic.invalid == 1


@pytest.mark.parametrize(("reset", "error"), [(False, aiohttp.ServerDisconnectedError), (True, aiohttp.ClientOSError)])
@pytest.mark.parametrize(("when", "left"), [("before", []), ("after", ["hello"])])
async def test_a_connection_can_be_cut(
    simulator: Simulator, poster: Poster, reset: bool, error: type[Exception], when: str, left: list[str]
) -> None:
    simulator.faults.script(action="drop", when=when, reset=reset)
    with pytest.raises(error):
        await poster.post()
    assert contents(simulator) == left
    assert simulator.traffic.stats()["statuses"] == {"cut": 1}


@pytest.mark.parametrize("when", ["before", "after"])
async def test_an_answer_can_be_late(simulator: Simulator, poster: Poster, when: str) -> None:
    simulator.faults.script(action="delay", seconds=0.05, when=when)
    status, _, _ = await poster.post()
    (entry,) = simulator.traffic.requests
    assert status == 200
    assert entry.end is not None
    assert entry.end - entry.start >= 0.05


async def test_a_success_can_be_unreadable(simulator: Simulator, poster: Poster) -> None:
    simulator.faults.script(action="garbage")
    with pytest.raises(ValueError, match="Expecting value"):
        await poster.post()
    assert contents(simulator) == ["hello"]


@pytest.mark.parametrize(("when", "meanwhile"), [("before", []), ("after", ["hello"])])
async def test_a_held_request_goes_on_when_released(
    simulator: Simulator, poster: Poster, when: str, meanwhile: list[str]
) -> None:
    simulator.faults.script(action="hold", when=when)
    posting = asyncio.ensure_future(poster.post())
    await until(lambda: simulator.faults.held == 1)
    assert contents(simulator) == meanwhile
    assert simulator.traffic.stats()["in_flight"] == {str(COMMUNITY): 1}
    await poster.sim("DELETE", "/faults")
    assert (await posting)[0] == 200
    assert contents(simulator) == ["hello"]


@pytest.mark.parametrize(("even_if_gone", "left"), [(False, []), (True, ["hello"])])
async def test_a_held_request_whose_client_has_gone(
    simulator: Simulator, poster: Poster, even_if_gone: bool, left: list[str]
) -> None:
    simulator.faults.script(action="hold", even_if_gone=even_if_gone)
    posting = asyncio.ensure_future(poster.post())
    await until(lambda: simulator.faults.held == 1)
    posting.cancel()
    await until(lambda: not simulator.traffic.stats()["in_flight"])
    assert contents(simulator) == []
    simulator.faults.clear()
    await until(lambda: simulator.faults.held == 0)
    await until(lambda: contents(simulator) == left)


async def test_a_fault_knows_its_turn_and_its_channel(simulator: Simulator, poster: Poster) -> None:
    simulator.faults.script(action="status", status=503, channel=str(COMMUNITY), after=1, times=2)
    statuses = [(await poster.post())[0] for _ in range(5)]
    assert statuses == [200, 503, 503, 200, 200]
    assert (await poster.post(channel=RELEASES))[0] == 200


async def test_a_fault_for_ever_lasts_until_it_is_cleared(simulator: Simulator, poster: Poster) -> None:
    await poster.sim(
        "POST", "/faults", [{"action": "status", "status": 503, "times": None, "method": "*", "route": "*"}]
    )
    assert [(await poster.call("GET", "/users/@me"))[0] for _ in range(3)] == [503] * 3
    assert len(await poster.sim("GET", "/faults")) == 1
    await poster.sim("DELETE", "/faults")
    assert (await poster.post())[0] == 200


async def test_a_misspelt_fault_is_refused(poster: Poster) -> None:
    async with poster.session.post(f"{poster.url}/_sim/faults", json={"action": "statsu"}) as answer:
        assert answer.status == 400
        assert "statsu" in (await answer.json())["error"]
