"""What may be a member, and audiences that would hold themselves."""

import pytest

from telemetry.core.audience import UnknownKindError, check_audience_name, check_member, check_no_cycle, nested_in
from telemetry.core.errors import ConfigurationError

GOOD = ("discord:112233445566778899", "discord-user:112233445566778899", "webhook:crm.v2_-", "audience:all-guilds")


@pytest.mark.parametrize("member", GOOD)
def test_a_member_is_a_kind_and_a_name(member: str) -> None:
    assert member == check_member(member)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("discord", "expected kind:name, as in discord:112233445566778899, not 'discord'"),
        ("slack:general", "unknown member kind 'slack'"),
        (":112233445566778899", "unknown member kind ''"),
        ("Discord:112233445566778899", "unknown member kind 'Discord'"),
        ("discord:general", "expected a channel id, which is 15 to 20 digits, after discord:, not 'general'"),
        ("discord:012233445566778899", "expected a channel id"),
        ("discord:11223344556677889٣", "expected a channel id"),
        ("discord-user:1", "expected a user id, which is 15 to 20 digits, after discord-user:, not '1'"),
        ("webhook:c|rm", "expected the name of an endpoint, after webhook:, not 'c|rm'"),
        ("webhook:", "expected the name of an endpoint"),
        ("audience:" + "x" * 65, "expected the name of an audience"),
    ],
)
def test_what_is_none_is_told_in_a_short_line(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("|", r"\|")) as told:
        check_member(text)
    assert "\n" not in str(told.value)


def test_what_is_quoted_is_short_and_obeyed_by_no_terminal() -> None:
    for text in ("x" * 10_000 + ":1", "discord:" + "\x1b" * 10_000):
        with pytest.raises(ValueError, match=r"unknown|expected") as told:
            check_member(text)
        assert len(str(told.value)) < 500
        assert str(told.value).isprintable()


def test_an_unknown_kind_is_known_to_whoever_suggests_the_nearest() -> None:
    with pytest.raises(UnknownKindError) as told:
        check_member("discrod:1")
    assert "discrod" == told.value.kind


@pytest.mark.parametrize("name", ["", "a b", "a|b", "a@b", "a:b", "a/b", "é", "a\n", "x" * 65])
def test_a_name_is_one_that_ids_can_hold(name: str) -> None:
    with pytest.raises(ValueError, match="expected an audience's name of up to 64 letters"):
        check_audience_name(name)


def test_only_an_audience_is_nested() -> None:
    assert [None, None, None, "all-guilds"] == [nested_in(member) for member in GOOD]


@pytest.mark.parametrize(
    ("includes", "way"),
    [
        ({"a": ["a"]}, "a → a"),
        ({"a": ["b"], "b": ["a"]}, "a → b → a"),
        ({"a": ["x", "b"], "b": ["y", "c"], "c": ["x", "a"], "x": [], "y": ["x"]}, "a → b → c → a"),
    ],
)
def test_a_cycle_is_shown_as_the_way_round(includes: dict[str, list[str]], way: str) -> None:
    with pytest.raises(ConfigurationError, match=f"audience 'a' would hold itself: {way}$"):
        check_no_cycle("a", includes)


@pytest.mark.parametrize(
    "includes",
    [
        {},
        {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []},
        # Round, but not through the one that is set: it was there before, and is not made worse.
        {"a": ["b"], "b": ["c"], "c": ["b"]},
        {f"{number}": [f"{number + 1}"] for number in range(5000)} | {"a": ["0"]},
    ],
)
def test_overlapping_and_deeply_nested_audiences_are_no_cycle(includes: dict[str, list[str]]) -> None:
    check_no_cycle("a", includes)
