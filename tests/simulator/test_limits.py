"""Discord's pace, with a clock that is moved by hand."""

import pytest

from bot.simulator import SimulatorSettings
from tests.simulator.conftest import CHANNELS, RELEASES, TOKEN, Hand, Poster


@pytest.fixture
def settings() -> SimulatorSettings:
    return SimulatorSettings(token=TOKEN, channels=CHANNELS)


async def test_the_headers_count_down(poster: Poster, clock: Hand) -> None:
    _, _, first = await poster.post()
    clock.time += 1
    _, _, second = await poster.post()
    assert (first["X-RateLimit-Limit"], first["X-RateLimit-Remaining"]) == ("5", "4")
    assert (first["X-RateLimit-Reset-After"], second["X-RateLimit-Reset-After"]) == ("5.000", "4.000")
    assert second["X-RateLimit-Remaining"] == "3"
    assert first["X-RateLimit-Bucket"] == second["X-RateLimit-Bucket"]
    assert float(first["X-RateLimit-Reset"]) == clock.time + 4


async def test_the_sixth_message_in_five_seconds_has_to_wait(poster: Poster, clock: Hand) -> None:
    statuses = [(await poster.post())[0] for _ in range(5)]
    status, body, headers = await poster.post()
    assert (statuses, status) == ([200] * 5, 429)
    assert (body["retry_after"], body["global"]) == (5.0, False)
    assert (headers["X-RateLimit-Scope"], headers["X-RateLimit-Remaining"], headers["Retry-After"]) == (
        "user",
        "0",
        "5",
    )
    assert "Via" in headers
    assert "X-RateLimit-Global" not in headers
    assert (await poster.post(channel=RELEASES))[0] == 200
    clock.time += 5
    assert (await poster.post())[0] == 200


async def test_the_fifty_first_request_in_a_second_is_limited_everywhere(poster: Poster, clock: Hand) -> None:
    for _ in range(50):
        await poster.call("GET", "/users/@me")
    status, body, headers = await poster.post()
    assert (status, body["global"], headers["X-RateLimit-Global"]) == (429, True, "true")
    assert headers["X-RateLimit-Scope"] == "global"
    clock.time += 1
    assert (await poster.post())[0] == 200
