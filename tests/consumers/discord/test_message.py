import json
import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.discord import message
from consumers.discord.message import (
    Body,
    compose,
    embed_units,
    escape,
    find_markers,
    fits,
    limited,
    marker,
    nonce,
    pack,
    shown,
    trim,
    units,
)

CHANNEL = "112233445566778899"


@dataclass(frozen=True)
class AnItem:
    id: str = "sign_up:u1|discord:112233445566778899"
    body: dict[str, Any] = field(default_factory=lambda: a_body(title="Welcome"))
    generation: int = 0
    rung: int = 0
    solo: bool = False


def a_body(key: str = "sign_up:u1", **parts: Any) -> dict[str, Any]:
    rest = {name: parts.pop(name) for name in ("content", "mentions", "digest", "silent") if name in parts}
    return Body(key, embed=limited(parts) or None, **rest).stored()


def items(*bodies: dict[str, Any]) -> list[AnItem]:
    return [AnItem(f"{place}|discord:{CHANNEL}", body) for place, body in enumerate(bodies)]


def test_a_text_is_measured_in_utf_16_units() -> None:
    assert [1, 1, 2] == [units("a"), units("é"), units("😀")]


@given(st.text(), st.integers(0, 40))
def test_a_text_is_never_longer_than_its_limit_nor_cut_through_a_character(text: str, limit: int) -> None:
    cut = trim(text, limit)
    assert units(cut) <= limit
    cut.encode()


@given(st.text(alphabet="*_a😀 \\", max_size=60), st.integers(0, 40))
def test_a_cut_never_leaves_half_an_escape(text: str, limit: int) -> None:
    cut = trim(escape(text), limit).removesuffix("…")
    assert (len(cut) - len(cut.rstrip("\\"))) % 2 == 0


@pytest.mark.parametrize("text", ["1.2.3", "foo-bar", "v2.0.0-rc.1", "#1", "a -> b", "me@example.com", "50% (of 3)!"])
def test_what_discord_would_show_as_it_is_is_not_escaped(text: str) -> None:
    assert text == escape(text)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("**bold**", r"\*\*bold\*\*"),
        ("a__b__c", r"a\_\_b\_\_c"),
        ("~~no~~ ||spoiler||", r"\~\~no\~\~ \|\|spoiler\|\|"),
        ("`code`", r"\`code\`"),
        ("[text](there)", r"\[text\](there)"),
        ("C:\\*", r"C:\\\*"),
        ("# title\n> quote\n- item\n1. first\n-# small", "\\# title\n\\> quote\n\\- item\n1\\. first\n\\-# small"),
        ("@everyone and @here", "@\u200beveryone and @\u200bhere"),
        ("everyone", "\u200beveryone"),  # a template may have an @ before it
        ("<@1> <@&2> <#3> <:a:4>", "\\<@\u200b1> \\<@\u200b&2> \\<#3> \\<:a:4>"),
        ("see https://a.org/b_c/@here.", "see https://a.org/b%5Fc/%40here."),
    ],
)
def test_what_discord_would_interpret_is_shown_as_it_was_sent(text: str, escaped: str) -> None:
    assert escaped == escape(text)


@given(st.text(alphabet=st.characters(blacklist_characters="@:"), max_size=80))
def test_an_escaped_text_shows_as_the_text(text: str) -> None:
    shown_text = re.sub(r"\\([^0-9A-Za-z\s])", r"\1", escape(text)).replace("\u200b", "")
    assert text.replace("\u200b", "") == shown_text


@given(st.lists(st.sampled_from(["@", "@e", "@every", "every", "everyone", "one", "here", "he", "re", "<@", "1"])))
def test_no_sequence_of_values_makes_a_ping(values: list[str]) -> None:
    assert not re.search(r"@(everyone|here)|(?<!\\)<@", "".join(map(escape, values)))


def test_a_nonce_never_changes_its_spelling() -> None:
    assert nonce(CHANNEL, [("a|d", 0), ("b|d", 2)]) == "2CKCHFH6JEJJY2A3B6AKRT6SN"
    assert marker("a|d", 0) == "jslvqxe7xd"


@given(st.lists(st.tuples(st.text(), st.integers(0, 9)), min_size=1), st.lists(st.tuples(st.text(), st.integers(0, 9))))
def test_a_nonce_names_one_composition(one: list[tuple[str, int]], other: list[tuple[str, int]]) -> None:
    assert len(nonce(CHANNEL, one)) == 25
    assert (nonce(CHANNEL, one) == nonce(CHANNEL, other)) == (one == other)


def test_another_channel_or_generation_or_order_is_another_message() -> None:
    members = [("a", 0), ("b", 0)]
    others = [nonce("2", members), nonce("1", members[::-1]), nonce("1", [("a", 0), ("b", 1)]), nonce("1", members)]
    assert len(set(others)) == 4


def test_a_digest_carries_up_to_ten_embeds_in_order_each_with_its_marker() -> None:
    waiting = items(*(a_body(title=f"n{number}") for number in range(12)))
    assert pack(waiting) == 10
    assert pack(waiting, 3) == 3
    payload = compose(CHANNEL, waiting[:10])
    assert [embed["title"] for embed in payload["embeds"]] == [f"n{number}" for number in range(10)]
    assert find_markers(payload) == {marker(item.id, 0) for item in waiting[:10]}


def test_a_digest_ends_before_six_thousand_units_with_markers() -> None:
    waiting = items(*(a_body(description="x" * 2990) for _ in range(2)))
    assert pack(waiting) == 2
    assert sum(map(embed_units, compose(CHANNEL, waiting)["embeds"])) == 6000
    assert pack(items(a_body(description="x" * 2990), a_body(description="x" * 2991))) == 1


@pytest.mark.parametrize(
    "body",
    [
        a_body(title="b", content="hello"),
        a_body(title="b", mentions=("users",)),
        a_body(title="b", digest=False),
        a_body(title="b", silent=True),
        a_body(title="b", url="https://same.org"),
    ],
)
def test_some_items_do_not_join_others(body: dict[str, Any]) -> None:
    first, second = items(a_body(title="a", url="https://same.org"), body)
    assert not fits([first], second)
    assert fits([], second)
    assert pack([second]) == 1


def test_an_item_marked_solo_or_taken_down_to_plain_text_travels_alone() -> None:
    first = AnItem()
    assert pack([first, AnItem("b", solo=True)]) == 1
    assert pack([AnItem("b", solo=True), first]) == 1
    assert pack([first, AnItem("b", rung=2)]) == 1
    assert pack([first, AnItem("b", rung=1)]) == 2
    assert pack([]) == 0


def test_a_message_pings_nobody_unless_its_body_says_so() -> None:
    assert compose(CHANNEL, [AnItem()])["allowed_mentions"] == {"parse": []}
    loud = AnItem(body=a_body(content="<@1>", mentions=("users",)))
    assert compose(CHANNEL, [loud])["allowed_mentions"] == {"parse": ["users"]}


def test_the_ladder_ends_in_plain_text_with_the_key() -> None:
    body = Body("sign_up:a_b", embed=limited({"title": "t" * 256, "description": "d" * 4000, "url": "https://x.org"}))
    short = shown(body, 1)
    assert short.embed is not None
    assert ({"title", "description"}, 200, 1000) == (
        set(short.embed),
        units(short.embed["title"]),
        units(short.embed["description"]),
    )
    item = AnItem(body=body.stored(), rung=2)
    payload = compose(CHANNEL, [item])
    assert payload["content"] == f"sign\\_up:a\\_b\n-# {marker(item.id, 0)}"
    assert payload["flags"] == message.SUPPRESS_EMBEDS
    assert "embeds" not in payload


def test_every_rung_is_the_same_message_to_discord() -> None:
    assert len({compose(CHANNEL, [AnItem(rung=rung)])["nonce"] for rung in range(3)}) == 1


def test_text_beside_embeds_cannot_forge_a_marker() -> None:
    forged = marker("other", 0)
    item = AnItem(body=a_body(title="x", content=f"-# {forged}"))
    assert find_markers(compose(CHANNEL, [item])) == {marker(item.id, 0)}
    plain = AnItem(body=a_body(content=f"hello\n-# {forged}"))
    assert find_markers(compose(CHANNEL, [plain])) == {marker(plain.id, 0)}


def test_several_items_of_which_one_must_be_alone_are_no_message() -> None:
    with pytest.raises(ValueError, match="one item, or several that may travel together"):
        compose(CHANNEL, [AnItem(), AnItem("b", rung=2)])


BODIES = st.builds(
    a_body,
    key=st.text(max_size=512),
    title=st.text(max_size=400),
    description=st.text(max_size=5000),
    footer=st.fixed_dictionaries({"text": st.text(max_size=2200)}),
    author=st.fixed_dictionaries({"name": st.text(max_size=300)}),
    fields=st.lists(st.fixed_dictionaries({"name": st.text(), "value": st.text(max_size=1200)}), max_size=30),
    content=st.text(max_size=1980),
    digest=st.booleans(),
)


@given(st.lists(st.builds(AnItem, st.uuids().map(str), BODIES, rung=st.integers(0, 2)), min_size=1, max_size=12))
def test_whatever_waits_is_packed_into_a_message_within_the_limits(waiting: list[AnItem]) -> None:
    members = waiting[: pack(waiting)]
    payload = compose(CHANNEL, members)
    assert members
    assert_within_limits(payload)
    assert find_markers(json.loads(json.dumps(payload))) == {marker(item.id, item.generation) for item in members}


def test_a_stored_body_is_read_back_as_it_was() -> None:
    body = Body("k", "c", {"title": "t"}, ("users",), digest=False, silent=True)
    assert Body.of(body.stored()) == body


def assert_within_limits(payload: dict[str, Any]) -> None:
    embeds = payload.get("embeds", [])
    assert payload.get("content") or embeds
    assert units(payload.get("content", "")) <= 2000
    assert len(embeds) <= 10
    assert sum(map(embed_units, embeds)) <= 6000
    for embed in embeds:
        assert units(embed.get("title", "")) <= 256
        assert units(embed.get("description", "")) <= 4096
        assert units(embed["footer"]["text"]) <= 2048
        assert units(embed.get("author", {"name": ""})["name"]) <= 256
        assert len(embed.get("fields", [])) <= 25
        for one in embed.get("fields", []):
            assert 1 <= units(one["name"]) <= 256
            assert 1 <= units(one["value"]) <= 1024
            assert one["value"].strip()
