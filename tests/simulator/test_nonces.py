"""A nonce is good for one message, for a while."""

from pathlib import Path

from bot.simulator import Simulator, SimulatorSettings
from tests.simulator.conftest import CHANNELS, COMMUNITY, RELEASES, TOKEN, Hand, Poster, posting_to


async def test_a_repeated_nonce_returns_the_earlier_message_whatever_the_new_one_says(
    simulator: Simulator, poster: Poster
) -> None:
    _, first, _ = await poster.post("one", nonce="n", enforce_nonce=True)
    status, second, _ = await poster.post("two", nonce="n", enforce_nonce=True)

    assert (status, second["id"], second["content"], second["nonce"]) == (200, first["id"], "one", "n")
    assert len(simulator.messages(COMMUNITY)) == 1


async def test_after_the_window_it_is_a_new_message(simulator: Simulator, poster: Poster, clock: Hand) -> None:
    await poster.post(nonce="n", enforce_nonce=True)
    clock.time += 179
    await poster.post(nonce="n", enforce_nonce=True)
    assert len(simulator.messages(COMMUNITY)) == 1
    clock.time += 2
    await poster.post(nonce="n", enforce_nonce=True)
    assert len(simulator.messages(COMMUNITY)) == 2


async def test_the_window_can_be_aged_from_outside(simulator: Simulator, poster: Poster) -> None:
    await poster.post(nonce="n", enforce_nonce=True)
    await poster.sim("POST", "/clock", {"advance": 181})
    for _ in range(2):
        await poster.post(nonce="n", enforce_nonce=True)
    assert len(simulator.messages(COMMUNITY)) == 2


async def test_all_of_discords_time_can_be_advanced(simulator: Simulator, poster: Poster, clock: Hand) -> None:
    await poster.sim("POST", "/clock", {"advance": 3600, "all": True})
    _, posted, headers = await poster.post()
    assert simulator.messages(COMMUNITY)[0].at == clock.time + 3600
    assert int(posted["id"]) >> 22 == int((clock.time + 3600) * 1000) - 1_420_070_400_000
    assert headers["Date"] == "Mon, 21 Sep 2026 15:13:20 GMT"


async def test_without_enforcing_a_nonce_means_nothing(simulator: Simulator, poster: Poster) -> None:
    for _ in range(2):
        await poster.post(nonce="n")
    assert len(simulator.messages(COMMUNITY)) == 2


async def test_a_nonce_belongs_to_its_channel(poster: Poster) -> None:
    _, here, _ = await poster.post(nonce="n", enforce_nonce=True)
    _, there, _ = await poster.post(nonce="n", enforce_nonce=True, channel=RELEASES)
    assert here["id"] != there["id"]


async def test_a_number_is_a_nonce_too(poster: Poster) -> None:
    _, first, _ = await poster.post(nonce=12, enforce_nonce=True)
    _, second, _ = await poster.post(nonce=12, enforce_nonce=True)
    assert (first["nonce"], first["id"]) == (12, second["id"])


async def test_the_nonce_of_a_deleted_message_is_an_unknown_message(poster: Poster) -> None:
    _, posted, _ = await poster.post(nonce="n", enforce_nonce=True)
    await poster.sim("DELETE", f"/messages/{posted['id']}")
    status, body, _ = await poster.post(nonce="n", enforce_nonce=True)
    assert (status, body["code"]) == (404, 10008)


async def test_history_has_no_nonce(poster: Poster) -> None:
    await poster.post(nonce="n", enforce_nonce=True)
    _, history, _ = await poster.call("GET", f"/channels/{COMMUNITY}/messages")
    assert "nonce" not in history[0]


async def test_messages_and_nonces_outlive_a_restart(tmp_path: Path, clock: Hand) -> None:
    settings = SimulatorSettings(token=TOKEN, channels=CHANNELS, state=tmp_path / "state" / "messages.jsonl")
    posted = []
    for text in ("one", "two"):
        async with Simulator(settings, clock) as simulator:
            async with posting_to(simulator) as poster:
                posted.append((await poster.post(text, nonce="n", enforce_nonce=True))[1])
                posted.append((await poster.post(text))[1])
            kept = simulator.messages(COMMUNITY)

    assert posted[0]["id"] == posted[2]["id"]
    assert [message.content for message in kept] == ["one", "one", "two"]
    assert int(posted[1]["id"]) < int(posted[3]["id"])
