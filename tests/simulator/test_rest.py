"""Discord's refusals, in its own numbers."""

from typing import Any

import pytest

from bot.simulator import Simulator
from tests.simulator.conftest import COMMUNITY, Poster

HISTORY = f"/channels/{COMMUNITY}/messages"
LONGEST = {"title": 256, "description": 4096}


def errors_at(body: dict[str, Any], *path: str) -> list[str]:
    node: Any = body["errors"]
    for step in path:
        node = node[step]
    return [error["code"] for error in node["_errors"]]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"content": "x" * 2001}, ("content",)),
        ({"content": "\U0001f600" * 1001}, ("content",)),
        ({"nonce": "x" * 26}, ("nonce",)),
        ({"embeds": [{"title": str(number)} for number in range(11)]}, ("embeds",)),
        ({"embeds": [{"title": "x" * 257}]}, ("embeds", "0", "title")),
        ({"embeds": [{"description": "x" * 4097}]}, ("embeds", "0", "description")),
        ({"embeds": [{"footer": {"text": "x" * 2049}}]}, ("embeds", "0", "footer", "text")),
        ({"embeds": [{"author": {"name": "x" * 257}}]}, ("embeds", "0", "author", "name")),
        ({"embeds": [{"fields": [{"name": "n", "value": "v"}] * 26}]}, ("embeds", "0", "fields")),
        ({"embeds": [{"fields": [{"name": "n", "value": "x" * 1025}]}]}, ("embeds", "0", "fields", "0", "value")),
        ({"embeds": [{"fields": [{"name": "x" * 257, "value": "v"}]}]}, ("embeds", "0", "fields", "0", "name")),
    ],
)
async def test_what_is_too_long_is_named(poster: Poster, fields: dict[str, Any], path: tuple[str, ...]) -> None:
    status, body, _ = await poster.post(**{"content": "c", **fields})
    assert (status, body["code"]) == (400, 50035)
    assert errors_at(body, *path) == ["BASE_TYPE_MAX_LENGTH"]


@pytest.mark.parametrize(
    ("embed", "path", "code"),
    [
        ({"fields": [{"name": " ", "value": "v"}]}, ("fields", "0", "name"), "BASE_TYPE_REQUIRED"),
        ({"title": "t", "url": "nowhere"}, ("url",), "URL_TYPE_INVALID_URL"),
        ({"title": "t", "color": 1 << 24}, ("color",), "NUMBER_TYPE_MAX"),
        ({"title": "t", "timestamp": "soon"}, ("timestamp",), "DATE_TIME_TYPE_PARSE"),
        ({"title": "t", "footer": "f"}, ("footer",), "DICT_TYPE_CONVERT"),
    ],
)
async def test_what_is_no_embed_is_named(
    poster: Poster, embed: dict[str, Any], path: tuple[str, ...], code: str
) -> None:
    status, body, _ = await poster.post(embeds=[embed])
    assert (status, errors_at(body, "embeds", "0", *path)) == (400, [code])


async def test_the_embeds_of_a_message_share_6000_units_after_trimming(poster: Poster) -> None:
    def longest(more: str = "") -> list[dict[str, str]]:
        return [{"description": " " * 90 + "x" * 3000 + " "}, {"description": "x" * 3000 + more}]

    assert (await poster.post(embeds=longest()))[0] == 200
    status, body, _ = await poster.post(embeds=longest("x"))
    assert (status, errors_at(body, "embeds")) == (400, ["MAX_EMBED_SIZE_EXCEEDED"])


async def test_embeds_with_one_url_are_shown_once(poster: Poster) -> None:
    one, two, three = ({"title": title, "url": "https://a.example"} for title in "123")
    _, body, _ = await poster.post(embeds=[one, {"title": "x"}, {"title": "y"}, two, three])
    assert [embed["title"] for embed in body["embeds"]] == ["1", "x", "y"]


@pytest.mark.parametrize(
    "fields", [{}, {"content": " \n"}, {"embeds": []}, {"embeds": [{}]}, {"embeds": [{"title": " "}]}]
)
async def test_an_empty_message_is_refused(poster: Poster, fields: dict[str, Any]) -> None:
    status, body, _ = await poster.post(**{"content": "", **fields})
    assert (status, body["code"]) == (400, 50006)


async def test_flags_a_bot_cannot_set_are_left_out(simulator: Simulator, poster: Poster) -> None:
    _, body, _ = await poster.post(flags=1 << 12 | 1 << 1, allowed_mentions={"parse": []})
    assert body["flags"] == 1 << 12
    assert simulator.messages(COMMUNITY)[0].allowed_mentions == {"parse": []}


async def test_a_body_that_is_not_json_is_refused(poster: Poster) -> None:
    status, body, _ = await poster.call("POST", HISTORY, data="{", headers={"Content-Type": "application/json"})
    assert (status, body["code"]) == (400, 50109)


async def test_a_wrong_token_is_unauthorized(simulator: Simulator, poster: Poster) -> None:
    await poster.sim("POST", "/token", {"valid": False})
    status, body, _ = await poster.post()
    assert (status, body["code"], simulator.traffic.invalid) == (401, 0, 1)
    await poster.sim("POST", "/token", {"valid": True})
    assert (await poster.post())[0] == 200


async def test_a_browser_is_not_a_bot(poster: Poster) -> None:
    status, body, _ = await poster.call("GET", "/users/@me", headers={"User-Agent": "Mozilla/5.0"})
    assert (status, body["code"]) == (403, 40333)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/channels/1", 10003),
        ("/channels/1/messages", 10003),
        (f"{HISTORY}/1", 10008),
        ("/guilds/1", 10004),
        ("/guilds/1100000000000000002/members/1", 10007),
        ("/nowhere", 0),
    ],
)
async def test_what_is_not_there_is_unknown(poster: Poster, path: str, code: int) -> None:
    status, body, _ = await poster.call("GET", path)
    assert (status, body["code"]) == (404, code)


async def test_a_deleted_channel_is_unknown(poster: Poster) -> None:
    await poster.sim("DELETE", f"/channels/{COMMUNITY}")
    status, body, _ = await poster.post()
    assert (status, body["code"]) == (404, 10003)


@pytest.mark.parametrize(("missing", "code"), [("view", 50001), ("send", 50013)])
async def test_a_missing_permission_is_named(poster: Poster, missing: str, code: int) -> None:
    await poster.sim("POST", f"/channels/{COMMUNITY}/permissions", {missing: False})
    status, body, _ = await poster.post()
    assert (status, body["code"]) == (403, code)


async def test_without_embed_links_embeds_vanish_or_are_refused(poster: Poster) -> None:
    await poster.sim("POST", f"/channels/{COMMUNITY}/permissions", {"embed": False})
    status, body, _ = await poster.post("text", embeds=[{"title": "t"}])
    assert (status, body["embeds"]) == (200, [])
    status, body, _ = await poster.post("", embeds=[{"title": "t"}])
    assert (status, body["code"]) == (403, 50013)


async def test_without_history_the_channel_looks_empty(poster: Poster) -> None:
    await poster.post()
    await poster.sim("POST", f"/channels/{COMMUNITY}/permissions", {"history": False})
    assert (await poster.call("GET", HISTORY))[:2] == (200, [])


async def test_history_is_read_from_an_anchor(poster: Poster) -> None:
    ids = [(await poster.post(str(number)))[1]["id"] for number in range(6)]

    async def page(**query: str | int) -> str:
        _, body, _ = await poster.call("GET", HISTORY, params=query)
        return "".join(message["content"] for message in body)

    assert await page() == "543210"
    assert await page(limit=2) == "54"
    assert await page(before=ids[2]) == "10"
    assert await page(after=ids[2]) == "543"
    assert await page(after=ids[0], limit=2) == "21"
    assert await page(around=ids[3], limit=3) == "432"


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "101"}, {"after": "x"}])
async def test_a_senseless_page_is_refused(poster: Poster, query: dict[str, str]) -> None:
    status, body, _ = await poster.call("GET", HISTORY, params=query)
    assert (status, body["code"]) == (400, 50035)


async def test_own_messages_can_be_edited_and_deleted_others_not(poster: Poster) -> None:
    _, mine, _ = await poster.post("old")
    theirs = await poster.sim("POST", "/messages", {"channel": str(COMMUNITY), "content": "theirs"})

    _, edited, _ = await poster.call("PATCH", f"{HISTORY}/{mine['id']}", json={"content": "new"})
    assert edited["content"] == "new"
    assert (await poster.call("DELETE", f"{HISTORY}/{mine['id']}"))[0] == 204
    assert (await poster.call("PATCH", f"{HISTORY}/{theirs['id']}", json={"content": "x"}))[1]["code"] == 50005
    assert (await poster.call("DELETE", f"{HISTORY}/{theirs['id']}"))[1]["code"] == 50013


async def test_tests_see_what_was_posted_and_how(poster: Poster) -> None:
    await poster.post("hi", nonce="n", allowed_mentions={"parse": []})
    (seen,) = await poster.sim("GET", f"/messages?channel={COMMUNITY}")
    assert (seen["content"], seen["nonce"], seen["author"]["bot"]) == ("hi", "n", True)
    (request,) = await poster.sim("GET", "/requests")
    assert (request["method"], request["status"], request["nonce"]) == ("POST", 200, "n")
    assert request["channel"] == str(COMMUNITY)
    stats = await poster.sim("GET", "/stats")
    assert (stats["statuses"], stats["max_in_flight"]) == ({"200": 1}, {str(COMMUNITY): 1})
